"""The service: admit, know, decide, slice, commit. The seven steps and where each one lives are in its README."""
