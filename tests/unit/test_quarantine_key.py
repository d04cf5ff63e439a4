"""The key of quarantine: two files, the private one for its owner alone, and none is ever overwritten."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from hub.__main__ import run
from hub.contracts.sealing import Sealer, open_sealed, parse_key, public_of
from hub.errors import Exit, PunteError
from hub.quarantine.files import PRIVATE, PUBLIC, make_keys, read_private
from hub.settings import Settings
from tests.support.published import faults


def test_the_public_file_is_what_the_hub_seals_to_and_the_private_one_opens_it(tmp_path: Path) -> None:
    """A pair: the settings take the one, the other opens what they sealed; the private one is its owner's alone."""
    private, public = make_keys(tmp_path / "new" / "folder")
    sealer = Settings(seal_public_file=public).sealer()
    assert isinstance(sealer, Sealer)
    sealed = sealer.seal(b"a record", b"a position")
    assert sealed is not None
    assert open_sealed(read_private(private), sealed, b"a position") == b"a record"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert public_of(parse_key(private.read_text())) == parse_key(public.read_text())


@pytest.mark.parametrize("there", [PRIVATE, PUBLIC])
def test_no_key_is_overwritten(tmp_path: Path, there: str) -> None:
    """Neither file, not even a link to nowhere of that name; and nothing new is written beside it."""
    (tmp_path / there).symlink_to(tmp_path / "nowhere")
    with pytest.raises(PunteError) as refused:
        make_keys(tmp_path)
    assert refused.value.code == "quarantine_key_there"
    assert [each.name for each in tmp_path.iterdir()] == [there]


def test_every_pair_is_another(tmp_path: Path) -> None:
    """No two keys are the same."""
    pairs = [make_keys(tmp_path / name) for name in "ab"]
    assert len({path.read_text() for pair in pairs for path in pair}) == 4


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33, "\ufffd" * 64])
def test_a_faulty_private_key_is_refused_without_its_text(tmp_path: Path, text: str) -> None:
    """Not 64 hexadecimal digits: an error that repeats nothing of the file."""
    file = tmp_path / "key"
    file.touch(0o600)
    file.write_text(text)
    with pytest.raises(PunteError) as refused:
        read_private(file)
    assert refused.value.code == "quarantine_key_faulty"
    assert not text or text not in json.dumps(refused.value.as_json())


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """As the secret file is."""
    private, _ = make_keys(tmp_path)
    private.chmod(mode)
    with pytest.raises(PunteError) as refused:
        read_private(private)
    assert refused.value.code == "quarantine_key_open"


def test_the_command_says_where_the_files_are_and_never_what_is_in_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For a person and as an object of its schema."""
    assert run(["quarantine", "key", "--out", str(tmp_path / "a")]) == Exit.DONE
    said = capsys.readouterr().out
    assert run(["quarantine", "key", "--out", str(tmp_path / "b"), "--json"]) == Exit.DONE
    told = json.loads(capsys.readouterr().out)
    assert faults("quarantine-key.v1", told) == []
    assert Path(told["private"]).is_file()
    assert "PUNTE_SEAL_PUBLIC_FILE" in said
    for file in (*(tmp_path / "a").iterdir(), *(tmp_path / "b").iterdir()):
        assert file.read_text().strip() not in said + json.dumps(told)
