"""Logs: whatever is logged, by whomever, only the allow-list gets out."""

import json
import subprocess
import sys
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.telemetry.allow import NUMBERS, TEXTS, allowed, keep_allowed
from hub.telemetry.faults import describe_fault
from hub.telemetry.logs import get_log

CANARY = "Canaria Țărănescu 6010101600018"


def run_and_listen(body: str) -> tuple[str, list[dict[str, object]]]:
    """All a process prints while `body` runs under the chain, and its lines of JSON."""
    head = "import logging, sys, warnings, threading\nfrom hub.telemetry.logs import configure_logs, get_log\n"
    code = f"{head}CANARY = {CANARY!r}\nlog = get_log('hub.example')\nconfigure_logs('DEBUG')\n{dedent(body)}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr, [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    "body",
    [
        "log.info(f'victim {CANARY}')",
        "log.info('victim %s', CANARY)",
        "log.info('case.read', name=CANARY, unit=CANARY, topic=CANARY, event_id=CANARY, offset=CANARY)",
        "log.info('case.read', **{CANARY: 1})",
        "log.bind(victim=CANARY).error('case.read')",
        "logging.getLogger('aiokafka.consumer').warning('bad record %s', CANARY)",
        "logging.getLogger('kafka').warning(CANARY, extra={'topic': CANARY, 'message_id': CANARY})",
        "logging.getLogger('asyncio').error('task %r', {'victim': CANARY})",
        "logging.getLogger('odd').error('%d', CANARY)",
        "logging.error(CANARY)",
        "warnings.warn(CANARY)",
    ],
)
def test_canary_in_message_key_argument_or_extra_is_dropped(body: str) -> None:
    """A value of a record handed to any logger in any way never appears, and the line itself does."""
    printed, lines = run_and_listen(body)
    assert lines
    assert "Canaria" not in printed
    assert "6010101600018" not in printed


@pytest.mark.parametrize(
    "body",
    [
        "try: raise ValueError(CANARY)\nexcept ValueError: log.exception('case.broke')",
        "try: raise ValueError(CANARY)\nexcept ValueError: logging.getLogger('aiokafka').exception(CANARY)",
        "def cut(victim): raise KeyError(victim)\ncut(CANARY)",
        "def cut(victim): raise KeyError(victim)\nt = threading.Thread(target=cut, args=[CANARY])\nt.start()\nt.join()",
        "class Odd:\n    def __del__(self): raise ValueError(CANARY)\nodd = Odd()\ndel odd",
    ],
)
def test_canary_in_exceptions_and_locals_is_dropped(body: str) -> None:
    """Of an exception only its type and place are said, also when nobody caught it."""
    printed, lines = run_and_listen(body)
    assert "Canaria" not in printed
    assert "Error@" in str(lines[-1]["fault"])


def test_faststreams_own_handlers_are_never_called() -> None:
    """FastStream adds handlers that print whole messages; they stay silent and the chain speaks."""
    printed, lines = run_and_listen(
        """
        from faststream._internal.logger.logging import get_logger
        get_logger("faststream", logging.INFO, sys.stderr, "%(message)s").error(CANARY)
        get_logger("faststream.access.kafka", logging.INFO, sys.stdout, "%(message)s").error(CANARY)
        """
    )
    assert "Canaria" not in printed
    assert [line["logger"] for line in lines] == ["faststream", "faststream.access.kafka"]


def test_line_without_configuration_is_safe_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A module that logs before `configure_logs` is held to the same allow-list."""
    get_log("hub.early").warning("case.read", victim=CANARY, count=2)
    line = json.loads(capsys.readouterr().err)
    assert line["count"] == 2
    assert line["dropped"] == ["victim"]
    assert "Canaria" not in str(line)


def test_low_levels_are_silent() -> None:
    """A line below the threshold is not said, ours or a library's."""
    _, lines = run_and_listen("configure_logs('ERROR')\nlog.info('a.b')\nlogging.getLogger('aiokafka').info('x')")
    assert lines == []


@given(key=st.sampled_from(sorted(TEXTS)), value=st.text(min_size=1))
def test_text_with_a_space_or_a_letter_beyond_ascii_is_never_said(key: str, value: str) -> None:
    """Names of people hold spaces or Romanian letters: no shape but that of a chain of faults admits a space."""
    if not value.isascii() or (" " in value and key != "fault"):
        assert not allowed(key, value)


OF_PEOPLE = (
    "2900101600016",
    "0722123456",
    "+40722123456",
    "Ana Popescu",
    "Popescu-Ionescu",
    "Strada Lunga 5",
    "a@b.ro",
)
"""A personal number, telephone numbers, names, a street and a mail address, each in its own spelling."""


@pytest.mark.parametrize("key", sorted(TEXTS))
@pytest.mark.parametrize("value", OF_PEOPLE)
def test_what_is_of_people_fits_no_shape(key: str, value: str) -> None:
    """Under no key at all is a number, a name or an address of a person said."""
    assert not allowed(key, value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("case", "29001016000160"),
        ("digest", "0722123456"),
        ("digest", "0123456789abcdef0"),
        ("digest", "0123456789ABCDEF"),
        ("policy", "0" * 63),
        ("place", "Ana Popescu Strada Lunga 5"),
        ("place", "Popescu"),
        ("place", "/srv/ana/punte/hub/errors.py:7"),
        ("place", "hub/errors.py"),
        ("place", "<string>:1"),
        ("fault", "Ana Popescu"),
        ("fault", "ValueError"),
        ("fault", "ValueError@Ana Popescu"),
        ("fault", "ValueError: Ana Popescu"),
        ("fault", "gaierror@hub/errors.py:7"),
        ("fault", " < ".join(["OSError@hub/errors.py:7"] * 6)),
        ("field", "Popescu"),
        ("count", 2_900_101_600_016),
        ("count", 722_123_456),
        ("count", 19_900_101),
        ("count", True),
        ("offset", 2_900_101_600_016),
        ("pid", 722_123_456),
        ("ms", 2_900_101_600_016.0),
        ("ms", float("nan")),
        ("seconds", float("inf")),
        ("status", 722),
        ("status", -722_123_456),
    ],
)
def test_a_value_without_the_shape_of_its_key_is_dropped(key: str, value: object) -> None:
    """Values of the wrong length, case, bound or kind, each under a key that admits others."""
    assert keep_allowed({"event": "case.read", key: value}) == {"event": "case.read", "dropped": [key]}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("case", "0123456789abcdef0123456789abcdef"),
        ("digest", "0123456789abcdef"),
        ("policy", "0123456789abcdef" * 4),
        ("place", "consumer/group_coordinator.py:1034"),
        ("place", "_crecords/default_records.pyx:7"),
        ("place", "unknown"),
        ("fault", "KafkaConnectionError@aiokafka/client.py:252"),
        ("fault", "PunteError@hub/settings.py:60 < OSError@unknown"),
        ("field", "answers[].item"),
        ("code", "fence_not_reached"),
        ("count", 1_000_000),
        ("offset", 10**11),
        ("ms", 2.5),
        ("status", -9),
    ],
)
def test_what_is_worth_saying_is_said(key: str, value: object) -> None:
    """What the hub says of itself: digests, places, faults, codes, counts, positions, durations."""
    assert allowed(key, value)


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.integers(), st.lists(st.text()), st.binary())))
def test_only_allowed_pairs_survive(said: dict[str, object]) -> None:
    """Whatever is said, what is kept is allowed pair by pair, and no dropped value is kept under another key."""
    kept = keep_allowed(said)
    assert all(allowed(key, value) for key, value in kept.items() if key != "dropped")


@pytest.mark.parametrize("key", sorted(NUMBERS))
def test_numbers_admit_no_text(key: str) -> None:
    """A personal number written as text under the name of a count is dropped."""
    assert not allowed(key, "6010101600018")


def test_a_fault_of_any_spelling_and_place_is_said() -> None:
    """A class that is not spelt as one is said by the class above it, code of no file as `unknown`: never dropped."""
    faults = []
    for code in ("import socket; raise socket.gaierror(CANARY)", "import struct; raise struct.error(CANARY)"):
        try:
            exec(code, {"CANARY": CANARY})  # noqa: S102 - code that is in no file
        except Exception as fault:
            faults.append(describe_fault(fault))
    assert faults == ["OSError@unknown", "Exception@unknown"]
    assert all(allowed("fault", said) for said in faults)


def test_causes_are_named_without_their_messages() -> None:
    """A chain of exceptions is a chain of types and places."""
    try:
        try:
            raise OSError(CANARY)
        except OSError as cause:
            raise ValueError(CANARY) from cause
    except ValueError as fault:
        said = describe_fault(fault)
    assert said.count("@unit/test_telemetry_logs.py:") == 2
    assert said.startswith("ValueError@")
    assert "Canaria" not in said
