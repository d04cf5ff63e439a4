"""How a process ends, and how its memory is looked after."""
