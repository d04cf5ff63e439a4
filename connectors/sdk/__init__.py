"""What every connector shares: the outbox an agency writes to, the publisher that empties it, the loop."""
