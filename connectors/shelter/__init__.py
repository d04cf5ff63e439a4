"""The shelter connector: what the hub releases to a shelter is delivered into the shelter's own database."""
