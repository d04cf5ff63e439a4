"""Reads the policy pack: from a folder, or from the installed package.

Rule kept: the pack is data of the distribution, so a wheel outside any checkout proves the same policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from consent.pack import FILES, WAIVERS, PackTexts
from hub.errors import PunteError


def read_pack(folder: Path | None) -> PackTexts:
    """The texts of the policy pack in a folder, or of the installed one."""
    root: Traversable = folder or files("consent").joinpath("policies")
    try:
        waivers = root.joinpath(WAIVERS)
        waived = waivers.read_text("utf-8") if waivers.is_file() else ""
        matrix, redlines, dutylines = (root.joinpath(name).read_text("utf-8") for name in FILES)
        return PackTexts(matrix, redlines, dutylines, waived)
    except (OSError, UnicodeDecodeError):
        wanted = ", ".join(FILES)
        raise PunteError("usage", f"`{folder}` is not a policy pack", f"name a folder with {wanted}") from None


def read_cases(folder: Path | None) -> Mapping[str, str]:
    """The texts of the decision cases of a pack, by file name; of the installed pack where no folder is named."""
    root: Traversable = folder or files("consent").joinpath("policies")
    cases = root.joinpath("cases")
    found = sorted(cases.iterdir(), key=lambda one: one.name) if cases.is_dir() else []
    return {file.name: file.read_text("utf-8") for file in found if file.name.endswith(".toml")}


def pack_folder(folder: Path | None) -> Path:
    """The folder a pack is written back to."""
    return folder or Path(str(files("consent").joinpath("policies")))
