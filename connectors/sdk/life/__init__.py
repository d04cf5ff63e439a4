"""How the process of a connector begins and ends."""
