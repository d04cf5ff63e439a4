"""The files of a key for quarantine: the private one belongs to a person, the public one to the hub.

Rule kept: the private file is readable by its owner alone from its first byte on, and no file is ever overwritten: what
is sealed to a lost key stays sealed.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from hub.contracts.sealing import RAW, SealFault, parse_key, public_of
from hub.errors import PunteError

PRIVATE: Final = "quarantine-private.key"
PUBLIC: Final = "quarantine-public.key"
OWNER_ALONE: Final = frozenset({0o600, 0o400})


def make_keys(folder: Path) -> tuple[Path, Path]:
    """A new pair in a folder: the private file, the public file."""
    private, public = folder / PRIVATE, folder / PUBLIC
    if any(each.is_symlink() or each.exists() for each in (private, public)):
        raise PunteError("quarantine_key_there", "the folder holds a key for quarantine already")
    made = os.urandom(RAW)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(private, made, 0o600)
        _write(public, public_of(made), 0o644)
    except OSError:
        raise PunteError("usage", "the folder cannot be written", "name a folder you may write to") from None
    return private, public


def _write(path: Path, key: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(f"{key.hex()}\n")
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path) -> bytes:
    """The raw private key of a file that only its owner may read."""
    try:
        with path.open() as file:
            mode, text = stat.S_IMODE(os.fstat(file.fileno()).st_mode), file.read()
    except (OSError, UnicodeDecodeError):
        raise PunteError("quarantine_key_faulty", "the private key file cannot be read") from None
    if mode not in OWNER_ALONE:
        raise PunteError("quarantine_key_open", f"the private key file has mode {mode:04o}, not 0600 or 0400")
    try:
        return parse_key(text)
    except SealFault as fault:
        raise PunteError("quarantine_key_faulty", str(fault)) from None
