"""FOLLOW: the one recipe by which every follower of the hub reads topics through FastStream.

At least once, nothing skipped.
"""
