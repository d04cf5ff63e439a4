"""Every law finds its violation: one is planted, and the law must name it."""

from collections.abc import Callable, Iterator

import pytest

from tests.architecture import laws, sizes, texts

Law = Callable[[str, str], Iterator[str]]
LONG = '"""Docs."""\n' + "x = 1\n" * 401
DEEP = "def f() -> None:\n" + "    x = 1\n" * 51
PLANTED: list[tuple[Law, str, str]] = [
    (laws.find_world, "hub/gateway/plan.py", "import time"),
    (laws.find_world, "hub/gateway/plan.py", "from aiokafka import AIOKafkaProducer"),
    (laws.find_world, "consent/decide.py", "from datetime import datetime\nx = datetime.now()"),
    (laws.find_world, "consent/decide.py", "import uuid\nx = uuid.uuid4()"),
    (laws.find_world, "hub/demo/story.py", "from random import Random\nx = Random()"),
    (laws.find_world, "hub/demo/story.py", "from random import randint"),
    (laws.find_world, "hub/release/slicer.py", "x = open('f')"),
    (laws.find_world, "hub/release/slicer.py", "x = p.read_text()"),
    (laws.find_world, "hub/release/slicer.py", "from importlib.resources import files"),
    (laws.find_directions, "consent/decide.py", "import hub.contracts"),
    (laws.find_directions, "hub/contracts/wire.py", "from consent.decide import decide"),
    (laws.find_directions, "hub/contracts/wire.py", "from consent import decide"),
    (laws.find_directions, "hub/release/slicer.py", "from hub.gateway import plan"),
    (laws.find_directions, "hub/ingress/admit.py", "from hub.gateway.plan import plan"),
    (laws.find_directions, "hub/ingress/kafka.py", "from hub.registry.kafka import RegisterWriter"),
    (laws.find_directions, "hub/gateway/plan.py", "from hub.telemetry.logs import get_log"),
    (laws.find_directions, "hub/gateway/plan.py", "from hub.cli import app"),
    (laws.find_directions, "hub/check/recompute.py", "from consent.compile import compile_policy"),
    (laws.find_directions, "hub/check/recompute.py", "from hub.release.slicer import Slicer"),
    (laws.find_directions, "connectors/police/mapping.py", "from hub.release.slicer import Slicer"),
    (laws.find_directions, "hub/assemble.py", "from connectors.police import mapping"),
    (laws.find_directions, "hub/demo/process.py", "from hub.cli.run import parts_of"),
    (laws.find_names, "hub/release_manager.py", ""),
    (laws.find_names, "hub/utils/x.py", ""),
    (laws.find_names, "hub/x.py", "class EventProcessor: pass"),
    (laws.find_catch_alls, "hub/x.py", "try: pass\nexcept Exception: pass"),
    (laws.find_catch_alls, "hub/x.py", "try: pass\nexcept (ValueError, BaseException): pass"),
    (laws.find_catch_alls, "hub/x.py", "try: pass\nexcept: pass"),
    (laws.find_mocks, "tests/x.py", "from unittest.mock import Mock"),
    (laws.find_mocks, "tests/x.py", "from unittest import mock"),
    (laws.find_mocks, "tests/x.py", "def test_x(mocker): pass"),
    (laws.find_sleeps, "tests/x.py", "import asyncio\nasync def f(): await asyncio.sleep(1)"),
    (laws.find_sleeps, "tests/x.py", "from time import sleep\nsleep(0.1)"),
    (laws.find_undocumented, "hub/x.py", "x = 1"),
    (laws.find_undocumented, "hub/x.py", '"""Docs."""\ndef f() -> None: pass'),
    (laws.find_undocumented, "hub/x.py", '"""Docs."""\nclass A:\n    """Docs."""\n    def f(self) -> None: pass'),
    (laws.find_untold_tests, "tests/test_x.py", "async def test_x() -> None: pass"),
    (sizes.find_oversize, "hub/x.py", LONG),
    (sizes.find_oversize, "hub/x.py", DEEP),
    (sizes.find_oversize, "hub/x.py", "def f(a, b, c, d, *, e, f, g): pass"),
    (texts.find_machine, "README.md", "see /wo" + "rk/main/x"),
    (texts.find_machine, "README.md", "in `/ho" + "me/ana/punte`"),
    (texts.find_registry, "x.toml", "url = files.python" + "hosted.org"),
    (texts.find_lock_address, "requirements.lock", "# htt" + "ps://example.org"),
    (texts.find_person, "x.json", '"18002011' + '23454"'),
    (texts.find_cedilla, "x.md", "Bucure" + chr(0x15F) + "ti"),
]
INNOCENT: list[tuple[Law, str, str]] = [
    (laws.find_world, "hub/gateway/kafka.py", "import time"),
    (laws.find_world, "hub/embedded/guard.py", "import os"),
    (laws.find_world, "hub/demo/story.py", "from random import Random\nx = Random(7)"),
    (laws.find_world, "consent/decide.py", "from datetime import timedelta\nfrom uuid import UUID"),
    (laws.find_directions, "hub/contracts/wire.py", "from consent.terms import Lane"),
    (laws.find_directions, "hub/gateway/kafka.py", "from hub.telemetry.logs import get_log"),
    (laws.find_directions, "hub/check/recompute.py", "from consent.terms import Lane\nfrom hub.contracts import wire"),
    (laws.find_directions, "connectors/police/mapping.py", "from hub.contracts.wire import frame"),
    (laws.find_names, "hub/contracts/serviceable.py", "class Utilised: pass"),
    (laws.find_catch_alls, "hub/x.py", "try: pass\nexcept ValueError: pass"),
    (laws.find_sleeps, "tests/x.py", "import asyncio\nasync def f(): await asyncio.sleep(0)"),
    (laws.find_sleeps, "tests/benchmarks/x.py", "import asyncio\nasync def f(): await asyncio.sleep(1)"),
    (laws.find_undocumented, "hub/x.py", '"""Docs."""\ndef _f() -> None: pass'),
    (sizes.find_oversize, "hub/x.py", "class A:\n    def f(self, a, b, c, d, e, f): pass"),
    (texts.find_machine, "README.md", "see docs/home/x and tests/work/y"),
    (texts.find_lock_address, "README.md", "https://example.org"),
    (texts.find_person, "x.json", '"6010101600018" "1800201600005"'),
]


@pytest.mark.parametrize(("law", "path", "source"), PLANTED)
def test_planted_violation_is_found(law: Law, path: str, source: str) -> None:
    """The law names the file that breaks it."""
    assert [sentence for sentence in law(path, source) if sentence.startswith(path)]


@pytest.mark.parametrize(("law", "path", "source"), INNOCENT)
def test_innocent_code_is_left_alone(law: Law, path: str, source: str) -> None:
    """What the law allows is not named."""
    assert list(law(path, source)) == []


def test_planted_code_without_a_row_is_found() -> None:
    """A code that the table of errors does not know is named."""
    assert list(laws.find_codes("hub/x.py", "raise PunteError('odd', 'a sentence')", {"failed"}))


def test_planted_crowd_of_long_functions_is_found() -> None:
    """Each function within its bound, but all of them long: the median and the percentile say so."""
    body = "".join(f"def f{number}() -> None:\n" + "    x = 1\n" * 30 for number in range(20))
    assert len(list(sizes.find_crowd({"hub/x.py": body}))) == 3
