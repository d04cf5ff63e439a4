"""Topics and rights: lanes share none, a unit writes its inbox alone, each process may do what it does and no more."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import combinations

import pytest

from consent.terms import Lane, Purpose
from hub.contracts import topics
from hub.contracts.topics import Acl, Party, hub_acls, plan, unit_acls, unit_topics
from hub.doctor.lanes import Stage, followed, group
from hub.views.project import topics_read

PARTY = Party("uaaaaa", frozenset(Lane), frozenset({Purpose.P1, Purpose.P6}), publishes=True)
OTHER = Party("ubbbbb", frozenset(Lane), frozenset({Purpose.P1}), publishes=False)
LANE = Lane.ALERT
WRITES = {
    "ingress": (topics.admitted, topics.quarantine, topics.audit_attempt),
    "gateway": (topics.seen, topics.parked, topics.audit_decision, topics.audit_attempt, topics.quarantine),
    "registry": (),
}
READS = {"ingress": (), "gateway": (topics.admitted, topics.seen), "registry": (topics.admitted, topics.audit_decision)}


def names(lane: Lane) -> set[str]:
    """The topics of one lane."""
    return {spec.name for spec in plan([PARTY, OTHER], [lane]) if lane.value in spec.name.split(".")}


@pytest.mark.parametrize(("one", "other"), list(combinations(Lane, 2)))
def test_no_two_lanes_share_a_topic(one: Lane, other: Lane) -> None:
    """An open transaction of one lane hides nothing of another (kafka.md section 00)."""
    assert not names(one) & names(other)
    assert names(one)


def test_no_two_units_share_a_topic() -> None:
    """Inbox, receipts and releases belong to one unit each."""
    assert not {s.name for s in unit_topics(PARTY)} & {s.name for s in unit_topics(OTHER)}


def test_a_unit_writes_its_inboxes_and_nothing_else() -> None:
    """It reads its own topics, also the inbox, nothing without its code; who does not publish writes nothing."""
    written = {acl.name for acl in unit_acls(PARTY) if acl.operation == "Write"}
    assert written == {topics.inbox(lane, PARTY.code) for lane in Lane}
    assert all(PARTY.code in acl.name.split(".") for acl in unit_acls(PARTY))
    read = {acl.name for acl in unit_acls(PARTY) if (acl.operation, acl.resource) == ("Read", "Topic")}
    assert read == {spec.name for spec in unit_topics(PARTY)}
    assert not [acl for acl in unit_acls(OTHER) if acl.operation == "Write"]


@pytest.mark.parametrize("who", WRITES)
def test_each_process_has_the_rights_it_needs(who: str) -> None:
    """What the code of a capability reads and writes is granted to it, the register and its group included."""
    granted = {acl for acl in hub_acls([LANE]) if acl.principal == f"User:punte-{who}"}
    wanted = {Acl(f"User:punte-{who}", "Write", "Topic", name(LANE)) for name in WRITES[who]}
    wanted |= {Acl(f"User:punte-{who}", "Read", "Topic", name(LANE)) for name in READS[who]}
    wanted |= {Acl(f"User:punte-{who}", "Read", "Topic", topics.REGISTER)}
    wanted |= {Acl(f"User:punte-{who}", "Read", "Group", f"{who}.{LANE}")}
    assert wanted <= granted


def test_who_asks_why_reads_what_answers_need_and_writes_the_record_of_the_question() -> None:
    """`punte why` reads the audit, the policy and the register of all lanes, writes attempts, and joins no group."""
    granted = {acl for acl in hub_acls(Lane) if acl.principal == "User:punte-views"}
    wanted = {Acl("User:punte-views", "Read", "Topic", name) for name in topics_read()}
    wanted |= {Acl("User:punte-views", "Write", "Topic", topics.audit_attempt(lane)) for lane in Lane}
    assert granted == wanted


def allowed(who: str, operation: str, kind: str = "Topic") -> set[str]:
    """The names on which a principal may do something, a star at the end standing for more."""
    return {
        a.name for a in hub_acls(Lane) if (a.principal, a.operation, a.resource) == (f"User:{who}", operation, kind)
    }


def covered(names: Iterable[str], rights: set[str]) -> dict[str, str | None]:
    """Each name with the right that covers it."""
    return {name: next((right for right in rights if fnmatchcase(name, right)), None) for name in names}


TOPICS = [spec.name for spec in plan([PARTY, OTHER], Lane)]


def test_the_doctor_sees_every_topic_and_group_and_reads_no_more_than_the_ages_of_what_waits() -> None:
    """It reads what stages take from, quarantines, the register and its copy; of the rest that it is there."""
    reads, describes = allowed("punte-doctor", "Read"), allowed("punte-doctor", "Describe")
    taken = {name for stage in Stage for lane in Lane for name in followed(stage, lane, TOPICS)}
    wanted = (
        taken
        | {name(lane) for lane in Lane for name in (topics.quarantine, topics.parked, topics.audit_attempt)}
        | {topics.REGISTER, topics.AUDIT_REGISTER}
    )
    assert {name for name, right in covered(TOPICS, reads).items() if right} == wanted
    assert {name for name, right in covered(TOPICS, describes).items() if right} == set(TOPICS) - wanted
    assert {*covered(TOPICS, reads | describes).values()} == reads | describes
    assert allowed("punte-doctor", "Describe", "Group") == {group(stage, lane) for stage in Stage for lane in Lane}
    operations = {(a.operation, a.resource) for a in hub_acls(Lane) if a.principal == "User:punte-doctor"}
    assert operations == {("Read", "Topic"), ("Describe", "Topic"), ("Describe", "Group")}


def test_who_traces_an_event_reads_what_its_way_is_told_from() -> None:
    """All that `punte why` reads and the records themselves, releases included; it writes the question and no more."""
    told = {name for name in TOPICS if name.startswith(("admitted.", "receipt.", "quarantine.", "parked.", "release."))}
    reads = allowed("punte-trace", "Read")
    assert {name for name, right in covered(TOPICS, reads).items() if right} == {
        *topics_read(),
        *told,
        topics.AUDIT_DELIVERY,
    }
    assert {*covered(TOPICS, reads).values()} - {None} == reads
    assert allowed("punte-trace", "Write") == {topics.audit_attempt(lane) for lane in Lane}
    assert {a.operation for a in hub_acls(Lane) if a.principal == "User:punte-trace"} == {"Read", "Write"}


def test_who_works_on_quarantine_appends_events_and_acts_and_nothing_else() -> None:
    """Entries, what is parked, the records they point to, what `punte why` reads; no release, no receipt, no group."""
    told = {name for name in TOPICS if name.startswith(("admitted.", "inbox.", "parked.", "quarantine."))}
    reads = allowed("punte-quarantine", "Read")
    assert {name for name, right in covered(TOPICS, reads).items() if right} == {*topics_read(), *told}
    assert allowed("punte-quarantine", "Write") == {
        name(lane) for lane in Lane for name in (topics.audit_attempt, topics.admitted)
    }
    operations = {(a.operation, a.resource) for a in hub_acls(Lane) if a.principal == "User:punte-quarantine"}
    assert operations == {("Read", "Topic"), ("Write", "Topic")}


def test_the_register_and_the_policy_record_have_one_writer_each() -> None:
    """Nobody but the registry writes the register; a star stands only at the end of a name (Kafka prefix rights)."""
    acls = hub_acls(Lane)
    writers = {name: {a.principal for a in acls if a.operation == "Write" and a.name == name} for name in
               (topics.REGISTER, topics.AUDIT_POLICY, topics.AUDIT_REGISTER)}  # fmt: skip
    assert writers == {
        topics.REGISTER: {"User:punte-registry"},
        topics.AUDIT_POLICY: {"User:punte-gateway"},
        topics.AUDIT_REGISTER: {"User:punte-registry"},
    }
    assert all("*" not in acl.name[:-1] for acl in acls)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_release_topic_names_its_subscription_and_no_other_topic_does(purpose: Purpose) -> None:
    """What the broker refuses is parked by the name of its topic: only a release topic is a subscription's."""
    assert topics.release_cell(topics.release(Lane.CASE, "u00abc", purpose)) == ("u00abc", purpose)
    others = {spec.name for spec in topics.hub_topics(Lane)} | {topics.receipt(Lane.CASE, "u00abc")}
    assert {topics.release_cell(name) for name in others} == {None}
