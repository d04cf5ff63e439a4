"""A canary: a random token in every personal text of a record and in a publisher's headers, and the search for it.

Rule kept: every leaf has a tag of its own, so that a tag found somewhere says which field leaked; encodings that a
library might choose (hexadecimal, base64 at any alignment) are searched too.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from consent.terms import Role
from hub.contracts.shape import base_name, inline, nullable
from hub.contracts.wire import BASIS_KINDS, KIND_ROLES
from hub.demo.crowd import Published
from hub.demo.records import random_record
from tests.support.hub import Hub

HEARD: Final = {"siruta": 54975, "result": "imminent", "childInHousehold": "yes", "severity": "critical"}
"""What makes guards true, so that somebody receives each event."""

KEPT: Final = ("citizenship",)
"""Texts of two letters, too short for a token; units are opaque codes, not texts."""


class Full(Random):
    """Chance that leaves nothing out: no null, no empty array."""

    def random(self) -> float:
        """Never low, so that nothing is null."""
        return 0.99

    def getrandbits(self, k: int, /) -> int:
        """As usual; named here, since `Random` would otherwise choose by `random()`."""
        return super().getrandbits(k)

    def randint(self, a: int, b: int) -> int:
        """At least one, where there may be."""
        return super().randint(max(a, min(1, b)), b)


@dataclass(slots=True)
class Canary:
    """The token of one run, the tags it was given and where, and other words to look for (personal numbers, traces)."""

    token: str = field(default_factory=lambda: f"cnry{uuid.uuid4().hex[:10]}")
    paths: dict[str, str] = field(default_factory=dict)

    def tag(self, path: str) -> str:
        """A tag for a leaf or a header."""
        made = f"{self.token}.{len(self.paths):04d}"
        self.paths[made] = path
        return made

    def word(self, path: str, word: str) -> str:
        """Another word to look for, as it is."""
        self.paths[word] = path
        return word

    def needles(self) -> list[bytes]:
        """What must not be found: the token and the words, the token also in hexadecimal and base64."""
        raw = self.token.encode()
        coded = [base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)]
        words = [word.encode() for word in self.paths if not word.startswith(self.token)]
        return [raw, raw.hex().encode(), *coded, *words]

    def found(self, text: bytes) -> list[str]:
        """What of it a text holds."""
        return [needle.decode() for needle in self.needles() if needle in text]

    def found_paths(self, text: bytes) -> set[str]:
        """The leaves whose tags or words a text holds."""
        tags = {tag.decode() for tag in re.findall(rb"%b\.\d{4}" % self.token.encode(), text)}
        return {self.paths[tag] for tag in tags} | {path for word, path in self.paths.items() if word.encode() in text}

    def headers(self) -> list[tuple[str, bytes]]:
        """What a publisher may write beside the envelope: other headers, a valid trace, tags in names and values."""
        trace = self.word("traceparent", uuid.uuid4().hex), self.word("traceparent", uuid.uuid4().hex[:16])
        return [
            ("traceparent", f"00-{trace[0]}-{trace[1]}-01".encode()),
            ("baggage", f"name={self.tag('header baggage')}".encode()),
            (f"x-{self.tag('header name')}", b"1"),
        ]


def singing(hub: Hub, canary: Canary, event_type: str) -> Published:
    """An event that admission accepts, full, with a tag in every text."""
    patrol = hub.unit(Role.POL_R)
    event = hub.event(event_type, patrol)
    schema = inline(hub.parts.catalogue.event_schema(event_type))
    record = random_record(hub.parts.catalogue, event_type, Full(uuid.uuid4().int))
    only = hub.parts.catalogue.entries[event_type].only_leaf
    record |= {only: event.record[only]} if only else {}
    wanted = HEARD | {"taskedUnits": [patrol], "unitToSend": patrol}
    record |= {name: value for name, value in wanted.items() if name in record}
    if "toKind" in record:
        kind = "mobile_team" if event.source != hub.unit(Role.MOBILE) else "social_local"
        record |= {"toKind": kind, "toUnit": hub.unit(KIND_ROLES[kind])}
        record["basis"]["kind"] = BASIS_KINDS[kind]
    _tag(schema, record, canary, "")
    return replace(event, record=record, subject=canary.tag("header ce_subject"))


def _tag(schema: Mapping[str, Any], record: dict[str, Any], canary: Canary, above: str) -> None:
    for leaf in schema["fields"]:
        name, kind = leaf["name"], nullable(leaf["type"])[0]
        path = f"{above}{name}"
        for at, value in _values(record, name):
            inner = kind["items"] if base_name(kind) == "array" else kind
            deeper = f"{path}[]." if base_name(kind) == "array" else f"{path}."
            if base_name(inner) == "record":
                _tag(inner, value, canary, deeper)
            elif isinstance(value, str) and base_name(inner) == "string":
                at[0][at[1]] = _text(leaf, value, canary, path)


def _values(record: dict[str, Any], name: str) -> Iterator[tuple[tuple[Any, Any], Any]]:
    """Where each value of a leaf stands, and the value: one, or one for each element of an array."""
    value = record[name]
    if isinstance(value, list):
        yield from (((value, i), item) for i, item in enumerate(value))
    elif value is not None:
        yield (record, name), value


def _text(leaf: Mapping[str, Any], value: str, canary: Canary, path: str) -> str:
    if leaf["name"] == "cnp":
        return canary.word(path, value)
    return value if leaf["name"] in KEPT or leaf.get("punte.leaf") == "unit" else canary.tag(path)
