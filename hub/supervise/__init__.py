"""Runs the parts of the hub as processes of one machine: starts them, starts them again, ends them together."""
