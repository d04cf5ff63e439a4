"""The jars of Apache Kafka: fetched once by their locked coordinates, checked against their sha256 at every start.

Rule kept: a jar that differs from `jars.lock`, is missing from it or is missing beside it is refused; when every jar
is there and right, no registry is asked. `python -m hub.embedded.relock` writes a new lock.
"""

import fcntl
import hashlib
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from hub.embedded import errors
from hub.errors import PunteError

KAFKA = "4.4.0"


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked jar: Maven coordinate `group:artifact:version` and the sha256 of its bytes in hex."""

    coordinate: str
    sha256: str

    @property
    def name(self) -> str:
        """The file name of the jar, as registries spell it."""
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"


def read_lock() -> tuple[Jar, ...]:
    """The jars of `jars.lock`: one `sha256 coordinate` a line, `#` opens a comment."""
    text = files("hub.embedded").joinpath("jars.lock").read_text("utf-8")
    rows = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return tuple(Jar(coordinate, sha256) for sha256, coordinate in rows)


def lock_digest(lock: tuple[Jar, ...]) -> str:
    """Twelve hex digits that name this set of jars; part of every cache folder made from them."""
    return hashlib.sha256("\n".join(jar.sha256 for jar in lock).encode()).hexdigest()[:12]


def class_path(cache: Path, lock: tuple[Jar, ...] | None = None) -> tuple[Path, ...]:
    """The checked jars under `cache`, fetched first if there is no such folder; raises `broker_*` errors."""
    lock = lock or read_lock()
    folder = jar_folder(cache, lock)
    if not folder.exists():
        with _alone(cache):
            if not folder.exists():
                _fill(folder, lock)
    return check(folder, lock)


def jar_folder(cache: Path, lock: tuple[Jar, ...]) -> Path:
    """Where the jars of this lock lie."""
    return cache / f"kafka-{KAFKA}-{lock_digest(lock)}" / "jars"


def check(folder: Path, lock: tuple[Jar, ...]) -> tuple[Path, ...]:
    """The paths of the jars, in the lock's order, after every byte was compared with the lock."""
    extra = {path.name for path in folder.iterdir()} - {jar.name for jar in lock}
    if extra:
        raise errors.jar_changed(min(extra), folder, "is not in the lock")
    for jar in lock:
        _check_one(folder, jar)
    return tuple(folder / jar.name for jar in lock)


def _check_one(folder: Path, jar: Jar) -> None:
    try:
        data = (folder / jar.name).read_bytes()
    except FileNotFoundError:
        raise errors.jar_changed(jar.name, folder, "is missing") from None
    if hashlib.sha256(data).hexdigest() != jar.sha256:
        raise errors.jar_changed(jar.name, folder, "differs from the lock")


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """One process at a time fills the cache; the lock falls with the process."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fill(folder: Path, lock: tuple[Jar, ...]) -> None:
    """Fetches into a folder beside the final one and renames it, so that half a set is never seen."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix="jars-"))
    try:
        _fetch_all(fresh, lock)
        check(fresh, lock)
        os.rename(fresh, folder)
    except OSError as fault:
        raise errors.from_os(fault, folder.parent) from fault
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def _trusting_this_machine() -> Iterator[None]:
    """Trusts the certificates this machine trusts (an agency's own proxy among them), unless told otherwise."""
    own = ssl.get_default_verify_paths()
    found = own.cafile or own.capath
    if "REQUESTS_CA_BUNDLE" in os.environ or not found:
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = found
    try:
        yield
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]


def _fetch_all(folder: Path, lock: tuple[Jar, ...]) -> None:
    temporary = tempfile.TemporaryDirectory(dir=folder.parent)
    with _trusting_this_machine(), temporary as scratch, ThreadPoolExecutor(8) as pool:
        for jar, path in zip(lock, pool.map(lambda jar: _fetch(jar, Path(scratch)), lock), strict=True):
            os.rename(path, folder / jar.name)


def _fetch(jar: Jar, repository: Path) -> Path:
    """One jar by its coordinate; jgo's own settings file may name a mirror. What arrives is checked by the caller."""
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext
        from requests import RequestException
    except ImportError as fault:
        raise PunteError("not_installed", "the package jgo, which fetches Kafka, is not installed") from fault
    group, artifact, version = jar.coordinate.split(":")
    mirrors = {"central": MAVEN_CENTRAL_URL, **GlobalSettings.load().repositories}
    context = MavenContext(repo_cache=repository, local_repos=[], remote_repos=mirrors, timeout=20)
    try:
        return Path(context.project(group, artifact).at_version(version).artifact().resolve())
    except (RequestException, RuntimeError) as fault:
        raise errors.registry_unreachable(jar.coordinate) from fault
