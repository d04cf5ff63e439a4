"""What a gateway reads beside its input: a partition's past when it opens, and events again when they are resumed."""
