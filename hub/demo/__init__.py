"""The story, and the synthetic events behind it."""
