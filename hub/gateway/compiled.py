"""What a gateway compiles at its start: for each event type the slicer, and each release's cutter and checks. Pure.

Rule kept: nothing is compiled while records flow; a release without a schema of its own stops the start.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import fastavro

from consent.compile import Policy, Release
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import plain
from hub.contracts.versions import missing
from hub.gateway.rules import Outgoing, TypeRuntime
from hub.release.slicer import Slicer
from hub.release.walker import Check, CheckFailed, walker


class SchemasStale(LookupError):
    """A compiled release that has no schema in `schemas/lock.json`; names it."""


def runtimes(catalogue: Catalogue, policy: Policy) -> dict[int, TypeRuntime]:
    """Slicer, cutters and checks of every event type, by schema id; all versions share those of the latest."""
    found = {}
    for name in catalogue.types:
        releases = [release for release in policy.releases if release.event == name]
        slicer = Slicer(catalogue.event_schema(name), releases, catalogue.ids, catalogue.siruta)
        outgoing = {release: _outgoing(catalogue, slicer, release) for release in releases}
        header = ("ce_type", name.encode())
        for schema_id in catalogue.versions(name):
            nulls = missing(catalogue.schemas[schema_id], catalogue.event_schema(name))
            found[schema_id] = TypeRuntime(name, header, slicer, outgoing, nulls)
    return found


def _outgoing(catalogue: Catalogue, slicer: Slicer, release: Release) -> Outgoing:
    schema_id = catalogue.ids.get(release.name)
    if schema_id is None:
        raise SchemasStale(release.name)
    schema = catalogue.schemas[schema_id]
    return Outgoing(slicer.bind(release), walker(schema, schema_id), full_check(schema))


def full_check(schema: Mapping[str, Any]) -> Check:
    """Decode and encode again with fastavro: a third reading of the release, by a library."""
    parsed = fastavro.parse_schema(plain(schema))

    def check(value: bytes) -> None:
        out = io.BytesIO()
        try:
            record = fastavro.schemaless_reader(io.BytesIO(value[5:]), parsed, None)
            fastavro.schemaless_writer(out, parsed, record, strict=True)
        except (ValueError, TypeError, LookupError, EOFError, ArithmeticError, AttributeError):
            raise CheckFailed("", "undecodable") from None
        if out.getvalue() != value[5:]:
            raise CheckFailed("", "not_canonical")

    return check
