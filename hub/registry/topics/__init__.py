"""The topics of a federation on a real broker: compared, then created; nothing is ever auto-created or deleted."""
