"""The decision (PDP).

Which unit learns that an event exists, and which of its fields, for which purpose, on which legal basis.

Pure: standard library and pydantic only. Time, ids and randomness come in as arguments (architecture.md, law 1).
"""
