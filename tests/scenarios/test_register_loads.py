"""`punte register load FEDERATION` again: nothing new, a unit that people suspended, other keys, another policy."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from hub.contracts.keys import secret_text
from tests.scenarios.conftest import CLUJ, ROOT, Operator

pytestmark = pytest.mark.kafka
LOAD = ("register", "load", str(CLUJ), "--by", "p-3", "--by", "p-4")
SHELTER = "umbwtf"
BROADER = "give = [1, 6, 13, 15, 19, 26, 27, 28, 32]"
NARROWER = "give = [1, 6, 13, 15, 26, 27, 28, 32]"


def standing(operator: Operator, kind: str, handle: str) -> dict[str, Any]:
    """What the register says of one key."""
    done = operator.punte("register", "list", kind)
    assert done.returncode == 0, done.stderr
    return next(record for record in map(json.loads, done.stdout.splitlines()) if record["handle"] == handle)


def put(operator: Operator, record: dict[str, Any]) -> None:
    """Write one record as two people do."""
    signed = {**record, "at": time.time_ns() // 1_000_000, "by": ["p-1", "p-2"]}
    done = operator.punte("register", "put", json.dumps(signed))
    assert done.returncode == 0, done.stderr


def test_a_second_load_writes_nothing_and_says_so(operator: Operator) -> None:
    """The file is unchanged, so is the register."""
    done = operator.punte(*LOAD)
    assert (done.returncode, done.stdout) == (0, "nothing to write: the register says the same already\n")


def test_a_suspended_unit_stays_suspended(operator: Operator) -> None:
    """Its state is kept, and it is said whose it is."""
    unit = standing(operator, "unit", SHELTER)
    saved = {name: value for name, value in unit.items() if name != "organisation"}
    put(operator, {**saved, "state": "suspended"})
    try:
        done = operator.punte(*LOAD, "--json")
        assert done.returncode == 0
        assert json.loads(done.stdout) == {"offsets": [], "kept": {f"unit/{SHELTER}": "suspended"}, "differs": {}}
        assert f"kept `suspended`, the state of unit/{SHELTER}" in operator.punte(*LOAD).stdout
        assert standing(operator, "unit", SHELTER)["state"] == "suspended"
    finally:
        put(operator, unit)


def test_what_people_narrowed_is_left_until_it_is_asked(operator: Operator) -> None:
    """An agreement that ends earlier: status 3, its field's name and no value; with `--replace` it is the file's."""
    agreement = standing(operator, "agreement", SHELTER)
    put(operator, {**agreement, "until": agreement["until"] - 1})
    left = operator.punte(*LOAD)
    assert left.returncode == 3
    assert f"left agreement/{SHELTER} as it is: the register differs in until;" in left.stdout
    assert str(agreement["until"]) not in left.stdout + left.stderr
    assert standing(operator, "agreement", SHELTER)["until"] == agreement["until"] - 1
    assert operator.punte(*LOAD, "--replace", "unit/u00000").returncode == 2
    replaced = operator.punte(*LOAD, "--replace", f"agreement/{SHELTER}")
    assert (replaced.returncode, replaced.stdout) == (0, "wrote 1 register records\n")
    assert standing(operator, "agreement", SHELTER)["until"] == agreement["until"]


def test_one_person_does_not_load_a_federation(operator: Operator) -> None:
    """Two people, or nothing."""
    done = operator.punte("register", "load", str(CLUJ), "--by", "p-1", "--by", "p-1")
    assert done.returncode == 2
    assert "give `--by` twice" in done.stderr


@pytest.mark.parametrize("epoch", [1, 2])
def test_other_keys_do_not_replace_the_key_check(operator: Operator, tmp_path: Path, epoch: int) -> None:
    """Status 1; the key check is the one before, even with `--activate`."""
    before = operator.punte("register", "list", "keycheck").stdout
    other = tmp_path / "other.json"
    other.touch(0o600)
    other.write_text(secret_text(epoch, bytes(range(1, 33))))
    for words in (LOAD, (*LOAD, "--activate")):
        done = operator.punte(*words, PUNTE_SECRET_FILE=str(other))
        assert done.returncode == 1
        assert "the register was loaded with other keys" in done.stderr
    assert operator.punte("register", "list", "keycheck").stdout == before


def test_another_policy_is_activated_only_when_that_is_asked(operator: Operator, tmp_path: Path) -> None:
    """Status 1 without `--activate`, neither by load nor by a plain record; with it one record, and back again."""
    folder = tmp_path / "policies"
    shutil.copytree(ROOT / "consent/policies", folder)
    text = (folder / "matrix.toml").read_text("utf-8")
    assert BROADER in text
    (folder / "matrix.toml").write_text(text.replace(BROADER, NARROWER), "utf-8")
    before = standing(operator, "matrix", "active")
    refused = operator.punte(*LOAD, PUNTE_POLICIES=str(folder))
    assert refused.returncode == 1
    assert "add `--activate` to replace it" in refused.stderr
    assert operator.punte("register", "put", json.dumps({**before, "digest": "0" * 64})).returncode == 1
    assert standing(operator, "matrix", "active") == before
    try:
        activated = operator.punte(*LOAD, "--activate", "--json", PUNTE_POLICIES=str(folder))
        assert len(json.loads(activated.stdout)["offsets"]) == 1
        assert standing(operator, "matrix", "active")["digest"] != before["digest"]
    finally:
        back = operator.punte(*LOAD, "--activate")
        assert back.stdout == "wrote 1 register records\n"
    assert standing(operator, "matrix", "active")["digest"] == before["digest"]
