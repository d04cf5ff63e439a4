"""What the hub says of a unit's own events."""
