"""Which units of the federation of the pilot have a connector in the laboratory."""

from __future__ import annotations

from typing import Final

STATION: Final = "ux3joc"
"""Its events leave by an outbox, and by nothing else."""
RECEIVER: Final = "u4n6ms"
"""What is released to it, of both lanes, is delivered into its own file by a sink."""
SHELTER: Final = "umbwtf"
"""Consents for it, and holds, change while faults strike."""
