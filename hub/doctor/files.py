"""Writes a doctor's bundle.

Rule kept: readable by its owner alone, and it names nobody: no owner, no time of a file.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

from hub.errors import PunteError


def write_bundle(path: Path, members: Mapping[str, bytes]) -> None:
    """A `.tar.gz` of these members, mode 0600; never over a file that exists."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        raise PunteError(
            "usage", "the bundle cannot be written there", "name a new file in a folder of yours"
        ) from None
    with os.fdopen(number, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
