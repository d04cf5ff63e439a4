"""The same texts compile to the same policy in every process: a replay under a recorded digest gives the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHOLE = """
import hashlib
from tests.cases.pack import policy
found = policy()
told = hashlib.sha256()
for key, cell in sorted(found.cells.items(), key=str):
    rows = [(each.release.name, each.release.leaves, each.rules) if each else None for each in cell.table]
    told.update(repr((key, cell.guards, rows, cell.why, cell.possible)).encode())
print(found.digest.hex(), told.hexdigest(), [release.name for release in found.releases])
"""


def compiled(seed: str) -> str:
    """What a fresh process makes of the pack, whatever order its sets have."""
    environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", WHOLE], env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_every_process_compiles_the_same_policy() -> None:
    """Digest, guards, every selection with its rows, and the names of all releases, under three orders of sets."""
    first, *others = (compiled(seed) for seed in ("0", "1", "4242"))
    assert len(first) > 200
    assert all(other == first for other in others)
