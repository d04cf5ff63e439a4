"""The announcement of a policy before the first decision under it."""
