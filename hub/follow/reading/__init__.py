"""Reading topics once, up to their present ends."""
