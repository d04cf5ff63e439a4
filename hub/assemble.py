"""The composition root: the only place where parts are chosen and joined.

Rule kept: a process starts only with a proven policy, the right keys and, for a gateway, the policy the register calls
active; each refusal names its reason and its remedy.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

from consent.compile import Policy
from consent.pack import compile_texts
from consent.rollout import meet
from consent.terms import Lane
from hub.contracts import topics
from hub.contracts.alarms import ALARMS
from hub.contracts.audit import NAMES_LAPSED, Verdict
from hub.contracts.catalogue import Catalogue
from hub.contracts.codec import RecordCodec, versioned
from hub.contracts.envelope import TRACE_BYTES, traceparents
from hub.contracts.files import load_catalogue
from hub.contracts.hollow import TYPE as HOLLOW
from hub.contracts.hollow import Hollower
from hub.contracts.keys import KeyRing, event_digest
from hub.contracts.record import KafkaRecord
from hub.contracts.refusals import MEANINGS
from hub.contracts.registers import KINDS, RegisterCodecs
from hub.contracts.sealing import Sealer
from hub.contracts.waiting import Waiting
from hub.contracts.wire import frame, strict_readers
from hub.doctor.health.kafka import told_health
from hub.errors import PunteError
from hub.follow.kafka import Follower, Source
from hub.follow.register.kafka import RegisterFollower
from hub.gateway.compiled import SchemasStale, runtimes
from hub.gateway.kafka import Gateway
from hub.gateway.knowledge import Knowledge
from hub.gateway.outputs import Codecs
from hub.gateway.pace import Pace
from hub.gateway.plan import Planner
from hub.gateway.policy.kafka import PolicyAnnouncer
from hub.gateway.ports import Ports
from hub.gateway.rules import Rules as GatewayRules
from hub.gateway.rules import TypeRuntime, World
from hub.ingress.admit import Rules
from hub.ingress.kafka import AdmissionCodecs, Admitter
from hub.ingress.publishers import Publishers
from hub.registry.faults import Door, Fold
from hub.registry.kafka import RegisterCopy, RegisterWriter, RelationsFollower, read_register
from hub.registry.relations import BEGINS, Relations, StandingRelations
from hub.release.files import read_pack
from hub.release.slicer import Slicer
from hub.settings import Settings, crash_points
from hub.supervise.life.process import on_signal, spare_collector, until_signal
from hub.telemetry.health import LATEST_S
from hub.telemetry.told import Sinks, Told, open_told

PATIENCE = {Lane.ALERT: 0.5, Lane.CASE: 30.0, Lane.BULK: 30.0}


def now_ms() -> int:
    """The clock of every process: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def build_name() -> str:
    """What a decision record calls the code that made it."""
    return f"punte-{version('punte')}{NAMES_LAPSED}"


@dataclass(frozen=True)
class Parts:
    """What every process is made of."""

    settings: Settings
    catalogue: Catalogue
    keys: KeyRing

    @property
    def options(self) -> Mapping[str, Any]:
        """Bootstrap and security of every Kafka client."""
        return self.settings.kafka()

    def record(self, name: str) -> RecordCodec:
        """The codec of a hub record, e.g. `audit.receipt`."""
        return record_codec(self.catalogue, name)

    def waiting(self) -> Waiting:
        """What makes entries of quarantine."""
        return Waiting(self.record("audit.quarantine"), self.record("audit.sealed"), self.settings.sealer())

    def registers(self) -> RegisterCodecs:
        """The codecs of all register kinds."""
        return RegisterCodecs({kind: self.record(f"register.{kind}") for kind in KINDS})

    def writer(self) -> RegisterWriter:
        """The register's writer, behind its door."""
        return RegisterWriter(self.options, door(self.catalogue, self.registers()))


def door(catalogue: Catalogue, codecs: RegisterCodecs) -> Door:
    """What every register record passes before it is written: the folds of the gateway and of admission among it."""
    types = frozenset(catalogue.types)
    publishes = frozenset(
        f"{name}:{number}"
        for path, number in catalogue.ids.items()
        for name in [path.partition("/")[0]]
        if name in types
    )

    def folds() -> tuple[Fold, Fold]:
        knowledge = Knowledge(codecs, catalogue.siruta, frozenset(), Lane.CASE)

        def known(key: bytes | None, value: bytes | None, offset: int) -> None:
            knowledge.apply(key, value, offset)
            knowledge.at(0)

        return known, Publishers(codecs).apply

    return Door(codecs, types, publishes, folds)


def record_codec(catalogue: Catalogue, name: str) -> RecordCodec:
    """The codec of a hub record, e.g. `audit.receipt`."""
    return versioned(name, catalogue.ids, catalogue.schemas)


def parts(settings: Settings) -> Parts:
    """Read catalogue and keys."""
    return Parts(settings, load_catalogue(), settings.keys())


def proven_policy(settings: Settings, catalogue: Catalogue, at_ms: int = 0) -> Policy:
    """The policy pack, compiled and proven; `PolicyRefused` when it crosses a line.

    `at_ms`: the moment from which its waivers must serve every duty; 0 = all of them, also those that have ended.
    """
    return compile_texts(read_pack(settings.policies), catalogue.types, settings.profile, at_ms=at_ms)


def deciding_policy(settings: Settings, catalogue: Catalogue, at_ms: int = 0) -> Policy:
    """What a gateway decides by: the proven policy, or in a roll-out the stricter of it and the one before.

    `PolicyRefused` when either crosses a line, or the two together would starve a duty.
    """
    policy = proven_policy(settings, catalogue, at_ms)
    if settings.policies_before is None:
        return policy
    before = compile_texts(read_pack(settings.policies_before), catalogue.types, settings.profile, at_ms=at_ms)
    return meet(before, policy, catalogue.types)


def known_policies(settings: Settings, catalogue: Catalogue) -> tuple[Policy, ...]:
    """Every policy at hand that decisions may have been made by: the pack, in a roll-out the one before and both."""
    policy = proven_policy(settings, catalogue)
    if settings.policies_before is None:
        return (policy,)
    before = compile_texts(read_pack(settings.policies_before), catalogue.types, settings.profile)
    return policy, before, meet(before, policy, catalogue.types)


def compiled(catalogue: Catalogue, policy: Policy) -> dict[int, TypeRuntime]:
    """Slicer, cutters and checks of every event type, by schema id."""
    try:
        return runtimes(catalogue, policy)
    except SchemasStale as stale:
        raise PunteError("schemas_stale", f"release `{stale}` has no schema in schemas/lock.json") from None


def trace_pool(size: int = 1024) -> Callable[[], bytes]:
    """Fresh, unsampled W3C traceparents: one call of the system for many of them."""
    fresh: list[bytes] = []

    def take() -> bytes:
        if not fresh:
            fresh.extend(traceparents(os.urandom(TRACE_BYTES * size)))
        return fresh.pop()

    return take


def check_keys(found: Mapping[str, Mapping[str, Any]], keys: KeyRing) -> None:
    """Refuse to work with other keys than the register knows (contract.md section 7, keycheck)."""
    record = found.get(str(keys.epoch))
    if record is None:
        raise PunteError("keycheck_missing", f"the register has no key check of epoch {keys.epoch}")
    if record["checks"][0]["digest"] != keys.check().decode():
        raise PunteError("keycheck_differs", "this process has other keys than the register was loaded with")


def check_policy(active: Mapping[str, Any] | None, policy: Policy) -> None:
    """Refuse to decide by another policy than the active one; a roll-out from or to the active one may."""
    if active is None:
        raise PunteError("policy_not_active", "the register names no active policy")
    if not policy.counts_as(bytes.fromhex(active["digest"])):
        raise PunteError("policy_differs", "this process has another policy than the register calls active")


CODES = frozenset({*MEANINGS, *Verdict, "admitted", "decided", "releases", "resumed", "hollow", *ALARMS})
"""What counts and alarms go by."""


def told(parts: Parts, part: str, lane: Lane) -> Told:
    """What a part says of its work: its log, and spans and metrics where the settings want them."""
    set_ = parts.settings
    sinks = Sinks(set_.trace_dir, set_.otlp("traces"), set_.otlp("metrics"), exposed=set_.health_port > 0)
    voice = open_told(part, lane.value, sinks, CODES, event_digest)
    voice.metrics.begin(ALARMS)
    return voice


async def run_admission(parts: Parts, lane: Lane, ready: Callable[[], None] = lambda: None) -> None:
    """Admit a lane's inboxes until a signal."""
    publishers, keychecks = Publishers(parts.registers()), dict[str, Mapping[str, Any]]()

    def fold(record: KafkaRecord) -> None:
        publishers.apply(record.key, record.value, record.offset)
        change = publishers.codecs.decode(record.key, record.value)
        if change.kind == "keycheck" and change.record is not None:
            keychecks[change.handle] = change.record

    rules = Rules(lane, parts.catalogue, strict_readers(parts.catalogue), parts.keys, publishers)
    codecs = AdmissionCodecs(
        parts.record("audit.receipt"),
        parts.waiting(),
        parts.record("audit.attempt"),
        Hollower(parts.record(HOLLOW), parts.keys),
    )
    async with AsyncExitStack() as stack:
        voice = stack.enter_context(told(parts, "admission", lane))
        register = RegisterFollower(parts.options, fold, voice.alarm, PATIENCE[lane])
        await stack.enter_async_context(register)
        check_keys(keychecks, parts.keys)
        admitter = await stack.enter_async_context(Admitter(parts.options, rules, codecs, now_ms, voice.counted))
        source = Source(f"ingress.{lane}", pattern=topics.inbox_pattern(lane), wait_ms=2 if lane is Lane.ALERT else 10)
        follower = Follower(parts.options, source, voice.handler(admitter.handle))
        voice.metrics.watch(lag=follower.lag)
        await stack.enter_async_context(told_health(parts.settings, register, {}, voice.text))
        on_signal(follower.stop)
        ready()
        await follower.run()


async def run_gateway(parts: Parts, lane: Lane, ready: Callable[[], None] = lambda: None) -> None:
    """Decide and release a lane until a signal."""
    policy = deciding_policy(parts.settings, parts.catalogue, now_ms())
    crash = crash_points(parts.settings.crash_at)
    async with OpenGateway(parts, lane, policy, crash) as gateway:
        spare_collector()
        on_signal(gateway.drain)
        announce = asyncio.create_task(_announce_ready(gateway, ready))
        try:
            await gateway.run()
        finally:
            announce.cancel()


async def _announce_ready(gateway: Gateway, ready: Callable[[], None]) -> None:
    await gateway.ready.wait()
    ready()


class OpenGateway:
    """A gateway with its register fence and policy announcer, as an async context manager."""

    def __init__(
        self,
        parts: Parts,
        lane: Lane,
        policy: Policy,
        crash: Callable[[str], None],
        clock: Callable[[], int] = now_ms,
        pace: Pace | None = None,
    ) -> None:
        """`crash`: called between any two awaits of the loop with the step's name. `pace`: the lane's by default."""
        self._parts, self._lane, self._policy, self._crash = parts, lane, policy, crash
        self._clock, self._pace, self._stack = clock, pace, AsyncExitStack()

    async def __aenter__(self) -> Gateway:
        """Fold the register, compare keys and policy, join the parts."""
        parts, lane, policy = self._parts, self._lane, self._policy
        duties = {(line.event, line.key[1]) for line in policy.dutylines.lines}
        knowledge = Knowledge(parts.registers(), parts.catalogue.siruta, duties, lane)
        voice = self._stack.enter_context(told(parts, "gateway", lane))
        follower = await self._stack.enter_async_context(
            RegisterFollower(
                parts.options, lambda r: knowledge.apply(r.key, r.value, r.offset), voice.alarm, PATIENCE[lane]
            )
        )
        check_keys(knowledge.keychecks, parts.keys)
        check_policy(knowledge.matrix, policy)
        if lane is Lane.ALERT and not knowledge.at(self._clock()).subscriptions(HOLLOW):
            voice.alarm("desks_missing")
        announcer = await self._stack.enter_async_context(
            PolicyAnnouncer(parts.options, parts.record("audit.policy"), policy, knowledge)
        )
        rules = GatewayRules(
            policy,
            compiled(parts.catalogue, policy),
            parts.keys,
            gateway_codecs(parts.catalogue, parts.settings.sealer()),
        )
        planner = voice.traces.plan(Planner(lane, rules, knowledge, World(build_name(), trace_pool())))
        ports = Ports(
            self._clock,
            time.perf_counter,
            follower.fence,
            announcer.announce,
            self._crash,
            voice.turn,
            lambda opened: voice.opened(opened.partition, opened.seen, opened.seconds, opened.parked),
        )
        gateway = Gateway(lane, parts.options, planner, ports, self._pace)
        voice.metrics.watch(lag=gateway.lag, parked=gateway.parked)
        checks: dict[str, Callable[[], bool]] = {"partitions": gateway.ready.is_set, "poll": partial(polled, gateway)}
        await self._stack.enter_async_context(told_health(parts.settings, follower, checks, voice.text))
        return gateway

    async def __aexit__(self, *fault: object) -> None:
        """Stop what was started."""
        await self._stack.aclose()


def polled(gateway: Gateway) -> bool:
    """Whether every partition the gateway holds was answered lately, if it holds any."""
    return not gateway.workers() or gateway.last_answer() >= now_ms() - LATEST_S * 1000


def gateway_codecs(catalogue: Catalogue, sealer: Sealer | None = None) -> Codecs:
    """The encoders of the gateway's own records."""
    decision, receipt = (frame(catalogue.ids[f"audit.{name}/v1"], b"") for name in ("decision", "receipt"))
    waiting = Waiting(record_codec(catalogue, "audit.quarantine"), record_codec(catalogue, "audit.sealed"), sealer)
    decisions, attempts = record_codec(catalogue, "audit.decision"), record_codec(catalogue, "audit.attempt")
    return Codecs(decision, decisions, attempts, receipt, waiting, record_codec(catalogue, HOLLOW))


def beginnings(catalogue: Catalogue) -> dict[int, Slicer]:
    """How the events that can begin a relation are read, by the schema id of each version."""
    return {
        schema_id: Slicer(catalogue.schemas[schema_id], (), {}, catalogue.siruta)
        for name in BEGINS
        for schema_id in catalogue.versions(name)
    }


async def run_registry(parts: Parts, lanes: tuple[Lane, ...], ready: Callable[[], None] = lambda: None) -> None:
    """Copy register changes to the audit and begin relations, until a signal."""
    codecs, slicers = parts.registers(), beginnings(parts.catalogue)
    standing = await read_register(parts.options, codecs)
    found = {handle: change.record or {} for (kind, handle), change in standing.items() if kind == "keycheck"}
    check_keys(found, parts.keys)
    stands = StandingRelations(codecs)
    async with AsyncExitStack() as stack:
        voice = stack.enter_context(told(parts, "registry", lanes[0]))
        register = RegisterFollower(
            parts.options, lambda r: stands.apply(r.key, r.value), voice.alarm, PATIENCE[Lane.CASE]
        )
        await stack.enter_async_context(register)
        await stack.enter_async_context(told_health(parts.settings, register, {}, voice.text))
        writer = await stack.enter_async_context(parts.writer())
        tasks: list[Coroutine[Any, Any, None]] = [
            RegisterCopy(parts.options, codecs, parts.record("audit.register")).run()
        ]
        for lane in lanes:
            relations = Relations(parts.keys, slicers, parts.record("audit.decision"))
            follower = RelationsFollower(parts.options, lane, relations, writer, stands, register.fence)
            tasks.append(Follower(parts.options, Source(f"registry.{lane}", follower.topics), follower.handle).run())
        await until_signal(tasks, ready)
