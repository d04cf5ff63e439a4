"""The menu of faults (`reliability-security.md` section 3): one named injector each.

Rule kept: an injector that the machine cannot run says what is missing and is listed as not run; it never passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.faults.injectors.brokers import Frozen, Killed, TooFew
from tests.faults.injectors.injector import Injector
from tests.faults.injectors.limits import Handles, Memory, Starved
from tests.faults.injectors.logs import Damaged, Older
from tests.faults.injectors.network import Late, Reset, Slow
from tests.faults.injectors.processes import Crash, Hung, Kill, Storm, Twin, Zombie
from tests.faults.injectors.records import Poison
from tests.faults.injectors.stores import FailingSync, FailingWrite, Full, PowerCut, ReadOnly
from tests.faults.injectors.unbuilt import UNBUILT

MENU: Final[Mapping[str, Injector]] = {
    one.name: one
    for one in (
        Kill(),
        Crash(),
        Zombie(),
        Hung(),
        Twin(),
        Storm(),
        Killed(),
        Frozen(),
        TooFew(),
        Older(),
        Damaged(),
        Slow(),
        Late(),
        Reset(),
        PowerCut(),
        Full(),
        FailingSync(),
        FailingWrite(),
        ReadOnly(),
        Memory(),
        Starved(),
        Handles(),
        Poison(),
        *UNBUILT,
    )
}
