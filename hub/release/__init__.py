"""Releases: their schemas, the slicer that cuts them from the admitted bytes, the second check of what was cut."""
