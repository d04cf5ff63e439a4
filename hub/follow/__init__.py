"""FOLLOW: the one recipe by which every follower of the hub reads topics through FastStream: at least once, nothing skipped."""
