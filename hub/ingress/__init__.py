"""ADMIT: from a unit's inbox to `admitted.<lane>`, at least once.

What cannot be admitted gets a receipt and goes to quarantine.
"""
