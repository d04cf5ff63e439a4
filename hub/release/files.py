"""Reads the policy pack: from a folder, or from the installed package.

Rule kept: the pack is data of the distribution, so a wheel outside any checkout proves the same policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from consent.border import shown
from consent.pack import FILES, WAIVERS, PackTexts
from hub.errors import PunteError


def read_pack(folder: Path | None) -> PackTexts:
    """The texts of the policy pack in a folder, or of the installed one.

    Raises PunteError that names the file: `usage` where it cannot be read, `policy_refused` where it is no UTF-8.
    """
    root = _root(folder)
    absent = [name for name in FILES if not _there(root.joinpath(name))]
    if absent:
        lacks = f"it has no {' and no '.join(f'`{name}`' for name in absent)}" if root.is_dir() else "it is no folder"
        says = f"`{shown(str(root))}` is not a policy pack: {lacks}"
        raise PunteError("usage", says, f"name a folder with {', '.join(FILES)}")
    matrix, redlines, dutylines = (_text(root.joinpath(name)) for name in FILES)
    waivers = root.joinpath(WAIVERS)
    return PackTexts(matrix, redlines, dutylines, _text(waivers) if _there(waivers) else "")


def read_cases(folder: Path | None) -> Mapping[str, str]:
    """The texts of the decision cases of a pack, by file name; of the installed pack where no folder is named.

    Raises PunteError like `read_pack`.
    """
    cases = _root(folder).joinpath("cases")
    if not _there(cases):
        return {}
    try:
        found = sorted(cases.iterdir(), key=lambda one: one.name)
    except OSError as fault:
        raise _unreadable(cases, fault.strerror) from None
    return {file.name: _text(file) for file in found if file.name.endswith(".toml")}


def _root(folder: Path | None) -> Traversable:
    return folder or files("consent").joinpath("policies")


def _there(file: Traversable) -> bool:
    """Whether anything of that name is there. A link to nowhere is: left out in silence, its waivers would be too."""
    try:
        if isinstance(file, Path):
            return file.is_symlink() or file.exists()
        return file.is_file() or file.is_dir()
    except OSError as fault:
        raise _unreadable(file, fault.strerror) from None


def _text(file: Traversable) -> str:
    """The text of one file; the mark that some editors write before the first letter is no part of it."""
    try:
        if not file.is_file():
            raise _unreadable(file, "it is a folder, or no ordinary file")
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = fault.object.count(b"\n", 0, fault.start) + 1
        says = f"`{shown(str(file))}` is not written in UTF-8 (line {line})"
        raise PunteError("policy_refused", says, "save it as UTF-8, then compare it with what was signed") from None
    except OSError as fault:
        raise _unreadable(file, fault.strerror) from None


def _unreadable(file: Traversable, why: str | None) -> PunteError:
    says = f"`{shown(str(file))}` cannot be read: {why or 'the machine does not say why'}"
    return PunteError("usage", says, "put a file there that you may read, or name another folder")


def pack_folder(folder: Path | None) -> Path:
    """The folder a pack is written back to."""
    return folder or Path(str(files("consent").joinpath("policies")))
