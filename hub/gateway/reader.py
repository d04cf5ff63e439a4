"""Reads admitted records: what an event is, where its leaves lie, what the decision may see of it. Pure.

Rule kept: everything that can fail on a record admission did not write fails here, before anything of it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from consent.facts import Event
from hub.contracts.envelope import admitted_source, parse_admitted
from hub.contracts.keys import bytes_digest, event_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.wire import WireError, unframe
from hub.gateway.outputs import Subject
from hub.gateway.pseudonyms import Origin
from hub.gateway.rules import FAULTS, ReadEvent, Rules

_made: Final = tuple.__new__
"""Makes a named tuple without the Python frame of its constructor, which is half of its cost."""


class Reader:
    """Reads by one set of rules."""

    __slots__ = ("_rules",)

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def all(self, records: Sequence[KafkaRecord]) -> list[ReadEvent | str]:
        """As `readable`, each of them."""
        return [self.readable(record) for record in records]

    def readable(self, record: KafkaRecord) -> ReadEvent | str:
        """The event of a record, or the code of what is wrong with it: a kept exception would be a circle."""
        try:
            return self._read(record)
        except FAULTS as fault:
            code = fault.code if isinstance(fault, WireError) else "header"
        return code

    def _read(self, record: KafkaRecord) -> ReadEvent:
        """Everything that can fail on a record admission did not write, before anything of it is written."""
        value, key = record.value, record.key or b""
        schema_id, body = unframe(value)
        admission, source = parse_admitted(record.headers), admitted_source(key)
        runtime = self._rules.runtimes.get(schema_id)
        if runtime is None:
            raise WireError("schema_unknown", "")
        body += runtime.nulls
        offsets = runtime.slicer.walk(body)
        leaves = runtime.slicer.guards(body, offsets)
        event_id, _, case, parties, _, _ = admission
        view = Event(runtime.name, source, case, parties, *leaves)
        digests = event_digest(source, event_id), bytes_digest(value or b"")
        subject = _made(Subject, (record, *digests, source, event_id))
        origin = Origin(runtime.slicer, body, offsets, admission, self._rules.keys.unit(source))
        return _made(ReadEvent, (subject, admission, runtime, schema_id, body, offsets, view, origin))
