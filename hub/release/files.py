"""Reads the policy pack: from a folder, or from the installed package.

Rule kept: the pack is data of the distribution, so a wheel outside any checkout proves the same policy.
"""

from __future__ import annotations

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
