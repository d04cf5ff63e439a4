"""SQLite files that lose nothing they have acknowledged."""
