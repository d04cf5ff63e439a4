"""One partition of a gateway: what is done between its fence and its end."""
