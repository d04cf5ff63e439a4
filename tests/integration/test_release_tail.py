"""`punte release tail` on a real Kafka: a unit reads its own releases with nothing but the files in `schemas/`."""

from __future__ import annotations

import json

from consent.terms import Lane, Role
from hub.contracts import topics
from tests.support.hub import Hub, hub

__all__ = ["hub"]

PLACE = 54975
HEADERS = ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "traceparent"]


async def test_a_unit_reads_its_releases(hub: Hub) -> None:
    """Headers of the closed list and the decoded release, in text and as JSON; no more than were asked for."""
    patrol = hub.unit(Role.POL_R)
    for _ in range(2):
        event = hub.event("incident.reported", patrol)
        event.record.update(siruta=PLACE, taskedUnits=[patrol], address="Strada Exemplului 7")
        await hub.publish(event)
    await hub.read([topics.release(Lane.CASE, patrol, "P1")], 2, lambda record: True)
    hub.environment.pop("PUNTE_SECRET_FILE")
    words = ("release", "tail", "--unit", patrol, "--purpose", "p1")
    one, text = await hub.ask(*words, "--lane", "case", "--json", "--max", "1"), await hub.ask(*words)
    assert (one.returncode, one.stderr, text.returncode, text.stderr) == (0, b"", 0, b"")
    (found,) = [json.loads(line) for line in one.stdout.splitlines()]
    assert list(found["headers"]) == HEADERS
    assert found["value"]["address"] == "Strada Exemplului 7"
    assert "taskedUnits" not in found["value"]
    assert text.stdout.decode().count('  address = "Strada Exemplului 7"') == 2


async def test_a_topic_that_is_not_there_is_a_sentence(hub: Hub) -> None:
    """A unit without that purpose: status 2 and a remedy, no traceback."""
    done = await hub.ask("release", "tail", "--unit", hub.unit(Role.POL_R), "--purpose", "P9", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"], done.stderr) == (2, "usage", b"")


async def test_values_are_announced_in_the_help(hub: Hub) -> None:
    """The help says that personal data is shown, and why it may be."""
    help_text = (await hub.ask("release", "tail", "--help")).stdout.decode()
    assert "personal data is shown" in " ".join(help_text.split())
