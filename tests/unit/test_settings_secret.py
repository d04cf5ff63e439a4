"""The secret file: only its owner may read it, or no process starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.contracts.keys import key_ring, secret_text
from hub.errors import PunteError
from hub.settings import Settings

SECRET = bytes(range(32))


def settings(folder: Path, mode: int) -> Settings:
    """Settings whose secret file has a mode."""
    file = folder / "secret.json"
    file.write_text(secret_text(1, SECRET))
    file.chmod(mode)
    return Settings(secret_file=file)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_secret_that_only_its_owner_reads_is_used(tmp_path: Path, mode: int) -> None:
    """Modes 0600 and 0400."""
    assert settings(tmp_path, mode).keys().check() == key_ring(1, SECRET).check()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700, 0o620, 0o4600])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Any other mode; the remedy says what to do, nothing of the file is told."""
    with pytest.raises(PunteError) as refused:
        settings(tmp_path, mode).keys()
    assert refused.value.code == "secret_open"
    assert f"{mode:04o}" in refused.value.sentence
    assert "chmod 600" in refused.value.remedy


def test_a_missing_secret_is_refused(tmp_path: Path) -> None:
    """No setting, no file, a folder: each has a remedy."""
    for where in (None, tmp_path / "none", tmp_path):
        with pytest.raises(PunteError) as refused:
            Settings(secret_file=where).keys()
        assert refused.value.code == "secret_missing"
