"""Load on a real hub: a backlog of a lane, lanes as processes, what a process holds in memory."""
