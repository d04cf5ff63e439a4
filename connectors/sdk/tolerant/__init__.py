"""Reading records that break the rules of their headers."""
