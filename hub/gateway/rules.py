"""What a lane decides by, compiled once at start; and an event as the plan sees it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from consent.compile import Policy, Release
from consent.facts import Event
from hub.contracts.envelope import Admission
from hub.contracts.keys import KeyRing
from hub.gateway.outputs import Codecs, Subject
from hub.gateway.pseudonyms import Origin
from hub.release.slicer import Cut, Offsets, Slicer
from hub.release.walker import Check

FAULTS: Final = (ValueError, LookupError, ArithmeticError, TypeError, AttributeError)
"""What reading, deciding or releasing one event may raise and no other event pays for."""


class Outgoing(NamedTuple):
    """How one compiled release leaves: cut it, check it by the walker, check it in full by a library."""

    cut: Cut
    check: Check
    full_check: Check


@dataclass(frozen=True, slots=True)
class TypeRuntime:
    """Everything compiled for one version of an event type at start.

    `nulls`: what stands behind a record of an older version, so that the slicer of the latest reads it.
    """

    name: str
    type_header: tuple[str, bytes]
    slicer: Slicer
    outgoing: Mapping[Release, Outgoing]
    nulls: bytes = b""


@dataclass(frozen=True, slots=True)
class World:
    """What the plan may not make itself: the name of the build, and fresh traces.

    `trace`: an unsampled W3C traceparent of random ids; nothing of the publisher's trace leaves the hub.
    """

    build: str
    trace: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Rules:
    """One proven policy, its compiled types by schema id, the keys, the encoders."""

    policy: Policy
    runtimes: Mapping[int, TypeRuntime]
    keys: KeyRing
    codecs: Codecs


class ReadEvent(NamedTuple):
    """An admitted event, read: what it is, where its leaves lie, what the decision may see of it."""

    subject: Subject
    admission: Admission
    runtime: TypeRuntime
    schema_id: int
    body: bytes
    offsets: Offsets
    view: Event
    origin: Origin
