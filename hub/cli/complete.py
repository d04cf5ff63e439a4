"""What a shell may complete: event types from the catalogue, units from the register of the Kafka at hand.

Rule kept: a completion never speaks and never makes the shell wait: what cannot be known within a second is left out.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Final

from hub.errors import PunteError

PATIENCE_S: Final = 1.0
SILENT: Final = (PunteError, OSError, ValueError, LookupError, RuntimeError, TimeoutError)
"""Faults of a completion: no Kafka, no secret, a register that cannot be read. Nobody is asked."""


def typed_noun(environment: Mapping[str, str] = os.environ) -> str | None:
    """The word after `punte` on the line a shell wants completed; None when this is no completion."""
    if not any(name == "_PUNTE_COMPLETE" for name in environment):
        return None
    line = environment.get("COMP_WORDS") or environment.get("_TYPER_COMPLETE_ARGS") or ""
    words = line.split()
    return words[1] if len(words) > 1 else None


def event_types(incomplete: str) -> list[str]:
    """Types of the catalogue."""
    from hub.contracts.files import load_catalogue

    return [name for name in sorted(load_catalogue().types) if name.startswith(incomplete)]


def units(incomplete: str) -> list[str]:
    """Codes of the units in the register."""
    try:
        return [code for code in asyncio.run(_units()) if code.startswith(incomplete)]
    except SILENT:
        return []


async def _units() -> list[str]:
    from hub.assemble import parts
    from hub.registry.kafka import read_register
    from hub.settings import Settings

    made = parts(Settings())
    async with asyncio.timeout(PATIENCE_S):
        standing = await read_register(made.options, made.registers())
    return sorted(handle for kind, handle in standing if kind == "unit")
