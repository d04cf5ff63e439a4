"""What can go wrong with the laboratory itself, as opposed to the hub: never mixed with a finding."""

from __future__ import annotations


class LabFault(Exception):
    """The laboratory could not do what it said; the sentence says what. The run then proves nothing (exit 2)."""
