"""The register as the gateway reads it: followed, folded, fenced."""
