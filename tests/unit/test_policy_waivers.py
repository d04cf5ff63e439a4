"""Waivers: rows a controller answers for release in production until a day, then end, and never in silence."""

from __future__ import annotations

from datetime import date

import pytest

from consent.compile import Policy
from consent.decide import decide
from consent.errors import FindingKind, PolicyRefused
from consent.explain import explain, sentences, to_json
from consent.facts import Event
from consent.messages import Language
from consent.pack import PackTexts, all_releases, compile_texts, parse_pack
from consent.terms import BasisStatus, Outcome, Profile, Purpose
from consent.waivers import parse_waivers
from hub.contracts.files import read_lock
from tests.cases.pack import PLACE, facts, handle, policy, texts, types, unit

DAY_MS = 86_400_000
END = date(2027, 3, 31)
END_MS = (END - date(1970, 1, 1)).days * DAY_MS
PACK = parse_pack(texts(), types())
WAITING = [row.id for row in PACK.matrix.rows if row.basis.status is BasisStatus.UNCONFIRMED]


def waiver(rows: list[str], until: str = "2027-03-31", name: str = "W-01") -> str:
    """One [[waiver]]."""
    listed = ", ".join(f'"{row}"' for row in rows)
    return (
        f'[[waiver]]\nid = "{name}"\nrows = [{listed}]\ncontroller = "Parchetul"\nby = ["p-7"]\nuntil = {until}\n'
        'why = "a lawyer reads it"\n\n'
    )


def waived(*tables: str, at_ms: int = 0) -> Policy:
    """The reference pack in production with these waivers."""
    return compile_texts(texts()._replace(waivers="".join(tables)), types(), Profile.PRODUCTION, at_ms=at_ms)


def alert() -> Event:
    """A critical alert in the area."""
    return Event("emis.alert.raised", "emis", handle("case"), {}, PLACE, frozenset(), {"severity": "critical"})


def reached(found: Policy, at_ms: int) -> tuple[bool, tuple[str, ...]]:
    """Whether dispatch gets the alert, and which duties are unserved."""
    known = facts({"dispatch": (unit("dispatch", "POL-D"), Purpose.P1)})
    decided = decide(found, alert(), known, at_ms)
    return any(each.selected for each in decided.decisions), decided.unserved


def test_production_refuses_what_nobody_confirmed_or_waived() -> None:
    """Without waivers the duties that rest on unconfirmed law stop the start."""
    with pytest.raises(PolicyRefused) as caught:
        waived()
    assert {finding.kind for finding in caught.value.findings} == {FindingKind.UNCONFIRMED}


def test_a_waiver_opens_its_rows_until_its_day_and_not_on_it() -> None:
    """One millisecond before the day the alert goes out; from its first moment it does not, and the duty is told."""
    found = waived(waiver(WAITING))
    assert reached(found, END_MS - 1) == (True, ())
    gone, unserved = reached(found, END_MS)
    assert not gone
    assert set(unserved) == {"D-15", "D-16", "D-17"}


def test_a_duty_that_is_not_due_is_not_told_as_unserved() -> None:
    """A technical alert is no duty of dispatch, also after the waiver."""
    event = Event("emis.alert.raised", "emis", handle("case"), {}, PLACE, frozenset(), {"severity": "technical"})
    known = facts({"dispatch": (unit("dispatch", "POL-D"), Purpose.P1)})
    assert set(decide(waived(waiver(WAITING)), event, known, END_MS).unserved) == {"D-18"}


def test_waivers_end_one_after_the_other() -> None:
    """Each step keeps what is still waived; the note says from which day which duty is unserved."""
    alerts = [row for row in WAITING if row[0] == "A"]
    rest = [row for row in WAITING if row[0] != "A"]
    found = waived(waiver(alerts, "2027-01-01"), waiver(rest, name="W-02"))
    steps = list(found.steps())
    assert [len(step.waivers) for step in steps] == [2, 1, 0]
    assert "A1" not in {rule for cell in steps[1].cells.values() for s in cell.table if s for rule in s.rules}
    assert any("from 2027-01-01, when a waiver ends: D-15" in note.sentence for note in found.notes)
    assert steps[1].until == END_MS


def test_a_waiver_that_has_ended_no_longer_lets_a_hub_start() -> None:
    """At its day the same pack is refused."""
    with pytest.raises(PolicyRefused):
        waived(waiver(WAITING), at_ms=END_MS)


def test_why_names_the_waived_row_and_the_waiver() -> None:
    """A field given by a waived row is told with its row, its unconfirmed law, and who waived it until when."""
    found = waived(waiver(WAITING))
    known = facts({"dispatch": (unit("dispatch", "POL-D"), Purpose.P1)})
    (decision,) = decide(found, alert(), known, 0).decisions
    kind = types()["emis.alert.raised"]
    told = explain(found, kind, decision, b"\xff" * len(kind.fields))
    given = [answer for answer in told.fields if answer.outcome is Outcome.GIVEN]
    assert given
    assert {(answer.row, answer.status) for answer in given} == {("A1", BasisStatus.UNCONFIRMED)}
    assert "Row A1 releases by waiver W-01 of Parchetul, until 2027-03-31 (no longer on that day)." in list(
        sentences(told, Language.EN)
    )
    assert to_json(told, Language.EN)["rules"][0]["waiver"] == "W-01"  # type: ignore[index]


def test_an_audit_can_still_compile_what_was_decided_under_an_ended_waiver() -> None:
    """Asked from the beginning of time the step of that moment is there, with the same digest."""
    one, other = waived(waiver(WAITING)), waived(waiver(WAITING), at_ms=END_MS - 1)
    assert one.digest == other.digest != policy().digest
    assert one.at(END_MS - 1).cells.keys() == other.cells.keys()


def test_every_release_of_every_step_has_a_schema() -> None:
    """A waiver that ends can leave releases of fewer rows: those need ids, too, before it counts."""
    pack = parse_pack(texts()._replace(waivers=waiver(WAITING[:20])), types())
    wanted = {release.name for release in all_releases(pack, types())}
    assert {release.name for step in waived(waiver(WAITING)).steps() for release in step.releases} <= wanted | set(
        read_lock()["releases"]
    )


def test_a_demo_is_not_changed_by_waivers() -> None:
    """There unconfirmed law releases anyway, and says so."""
    found = compile_texts(texts()._replace(waivers=waiver(WAITING)), types(), Profile.DEMO)
    assert (found.until, found.waivers) == (None, ())
    assert found.cells.keys() == policy().cells.keys()


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (waiver(["O11"]), "has a basis of status proposal"),
        (waiver(["I1"]), "has a basis of status ok"),
        (waiver(["A9"]), "unknown row `A9`"),
        (waiver([]), "names no row"),
        (waiver(["A1"]) + waiver(["A2"]), "occurs twice"),
        (waiver(["A1"], "2027-03-31T10:00:00"), "is not a date"),
        (waiver(["A1"], '"2027-03-31"'), "is not a date"),
        (waiver(["A1"]).replace('by = ["p-7"]', "by = []"), "nobody who signed"),
        (waiver(["A1"]).replace('["p-7"]', '["p-7", "p-8", "p-7"]'), "is signed twice by the same person"),
        (waiver(["A1"]).replace('["p-7"]', '["p-7", " p-7"]'), "is signed twice by the same person"),
        (waiver(["A1"]).replace("controller", "controler"), "unknown key `controler`"),
        (waiver(["A1"]).replace('"Parchetul"', '" "'), "`controller` is missing"),
    ],
)
def test_a_faulty_waiver_is_refused(table: str, says: str) -> None:
    """Each fault with a remedy; no waiver wakes a proposal."""
    with pytest.raises(PolicyRefused) as caught:
        parse_pack(texts()._replace(waivers=table), types())
    assert any(says in finding.sentence and finding.remedy for finding in caught.value.findings)


def test_one_named_controller_is_enough_and_two_can_sign() -> None:
    """`domain.md` section 4 asks for a named controller, not for four eyes."""
    for by in ('["p-7"]', '["p-7", "p-8"]'):
        table = waiver(["A1"]).replace('["p-7"]', by)
        assert parse_pack(texts()._replace(waivers=table), types()).waivers.waivers[0].id == "W-01"


def test_a_matrix_that_cannot_be_read_is_no_fault_of_its_waivers() -> None:
    """Their rows are unknown then, and nothing is said of them; a fault of their own is."""
    assert parse_waivers(waiver(["A1"]), None).waivers[0].rows == ()
    with pytest.raises(PolicyRefused, match="`controller` is missing") as caught:
        parse_waivers(waiver(["A1"], '"soon"').replace('"Parchetul"', "7"), None)
    assert len(caught.value.findings) == 2


def test_a_pack_without_the_file_has_no_waivers() -> None:
    """The file is optional, and the digest of a pack without it is that of the three that decide."""
    assert parse_pack(PackTexts(*texts()[:3]), types()).waivers.waivers == ()
