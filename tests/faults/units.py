"""Which units of the federation of the pilot have a connector in the laboratory."""

from __future__ import annotations

from typing import Final

STATION: Final = "ux3joc"
"""Its events leave by an outbox, and by nothing else."""
SHELTER: Final = "umbwtf"
"""What is released to it is delivered by a sink; its consents change while faults strike."""
