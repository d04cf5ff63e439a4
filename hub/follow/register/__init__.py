"""The register as a capability reads it: followed, folded, fenced."""
