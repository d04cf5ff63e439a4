"""WORK ON QUARANTINE: look at what waits for a person, try it again, or close it."""
