"""ADMIT: from a unit's inbox to `admitted.<lane>`, at least once; what cannot be admitted gets a receipt and goes to quarantine."""
