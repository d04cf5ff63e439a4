"""The printed matrix for tests: the page of the reference pack under invented waivers, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import cache

from consent.names import Name
from consent.table import Page, page
from consent.terms import BasisStatus, Profile
from consent.waivers import Waiver
from hub.contracts.files import load_catalogue
from tests.cases.pack import policy, types


def waiver(*rows: str) -> Waiver:
    """An invented waiver."""
    return Waiver("W-7", rows, "DGASPC Cluj", ("p-1", "p-2"), date(2027, 3, 31), "pilot <b>agreed</b> & signed")


@cache
def titles() -> dict[str, Name]:
    """The names of the event types."""
    return {name: Name(entry.title["en"], entry.title["ro"]) for name, entry in load_catalogue().entries.items()}


def unconfirmed() -> tuple[str, ...]:
    """The rows of the reference pack whose law is not confirmed."""
    return tuple(row.id for row in policy().matrix.rows if row.basis.status is BasisStatus.UNCONFIRMED)


def page_of(waivers: Sequence[Waiver] = (), profile: Profile = Profile.DEMO) -> Page:
    """The page of the reference pack, as it is printed in a profile."""
    return page(replace(policy(), profile=profile), types(), titles(), waivers)
