"""A real browser for tests: the machine's own, else Debian's, unpacked in a folder of the project.

Rules kept: the system stays as it is (nothing is installed, no root is needed), no address stands here (apt asks the
machine's own sources), only the standard library is used, so that it can be fetched before `.venv` is made.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable")
"""What a browser on PATH may be called, the smallest first."""
PACKAGES = ("chromium-headless-shell", "fonts-dejavu-core")
FOLDER = Path(__file__).parents[2] / ".venv/browser"
HINT = f"hint: install a browser and have it on PATH, as one of {', '.join(NAMES)}"
NEEDED = ("apt-get", "dpkg-deb")
FONTS = """<?xml version="1.0"?>
<fontconfig>
  <dir>{folder}/unpacked/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>{folder}/fonts</cachedir>
</fontconfig>
"""


class NoBrowser(Exception):
    """There is none, and none could be fetched; the sentence says what to do."""


def command(folder: Path = FOLDER) -> tuple[str, Mapping[str, str]]:
    """The browser to start, and the environment it needs. Raises NoBrowser."""
    own = next(filter(None, map(shutil.which, NAMES)), None)
    if own:
        return own, dict(os.environ)
    unpacked = folder / "unpacked/usr/lib/chromium/chromium-headless-shell"
    if not unpacked.is_file():
        raise NoBrowser("no browser is here\n\nhint: run `make browser`")
    libraries = sorted(
        {str(path.parent) for path in (folder / "unpacked").rglob("*.so*") if path.parent != unpacked.parent}
    )
    found = {"LD_LIBRARY_PATH": ":".join(libraries), "FONTCONFIG_FILE": str(folder / "fonts.conf")}
    return str(unpacked), {**os.environ, **found}


def fetch(folder: Path = FOLDER) -> None:
    """Download the packages the machine lacks and unpack them. Raises NoBrowser."""
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        raise NoBrowser(f"no browser is here, and no {' or '.join(missing)} to fetch one\n\n{HINT}")
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("lists/partial", "archives/partial", "unpacked"):
        (folder / part).mkdir(parents=True)
    # A fault here may be a hook's that wants root; without lists the next step fails, and says why.
    _apt(folder, "update")
    said = _apt(folder, "install", "--yes", "--no-install-recommends", "--download-only", *PACKAGES)
    if said.returncode:
        raise NoBrowser(f"apt cannot fetch a browser: {said.stderr.strip()}\n\n{HINT}")
    for package in sorted((folder / "archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "--extract", package, folder / "unpacked"], check=True)
    (folder / "fonts.conf").write_text(FONTS.format(folder=folder), "utf-8")
    for part in ("lists", "archives"):
        shutil.rmtree(folder / part)


def check() -> None:
    """Start the browser once, to say its version. Raises NoBrowser with what it says when it cannot."""
    path, environment = command()
    said = subprocess.run([path, "--version"], env=environment, capture_output=True, text=True, check=False)
    if said.returncode:
        raise NoBrowser(f"`{Path(path).name}` does not start: {said.stderr.strip()}\n\n{HINT}")


def _apt(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One call of apt that keeps its lists and packages in the folder, and takes no lock of the system."""
    own = {"Dir::State::Lists": folder / "lists", "Dir::Cache": folder, "Dir::Cache::Archives": folder / "archives"}
    settings = {**own, "APT::Sandbox::User": "root", "Debug::NoLocking": "1"}
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    return subprocess.run(["apt-get", "--quiet", *options, *words], capture_output=True, text=True, check=False)


def main() -> int:
    """Fetch a browser unless there is one; what `make browser` runs."""
    try:
        if not any(map(shutil.which, NAMES)):
            print("fetching a browser (once, about 100 MB)")
            fetch()
        check()
    except NoBrowser as none:
        print(f"error: {none}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
