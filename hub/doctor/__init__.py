"""LOOK AFTER: whether a hub can work, and how far each lane is, told to the people who run it.

Rule kept: it only reads; it tells counts per lane, opaque codes and remedies, never a value and never a unit's traffic.
"""
