"""A short share of the laboratory in every run of the tests: each fault that must run, once, on a real broker.

It has a broker and processes of its own, so that it can run beside every other test. About 45 seconds.
"""

from __future__ import annotations

import sys

import pytest

from tests.faults.injectors import MENU
from tests.faults.report import CLEAN, report, status
from tests.faults.run import Order, run
from tests.faults.schedule import SHARE

RATE = 25.0
SEED = 20261128


@pytest.mark.kafka
@pytest.mark.slow
async def test_nothing_is_lost_doubled_torn_or_leaked_under_the_faults_that_need_nothing() -> None:
    """One strike of each under a crowd of events: all found anomalies planted, none real."""
    judged = await run(SHARE, Order(SEED, 0.0, RATE), lambda line: print(line, file=sys.stderr))
    must = frozenset(name for name, one in MENU.items() if one.must)
    assert status(judged, must, {}) == CLEAN, report(judged, {}, len(SHARE), SEED)
