"""A disk of its own under one file store: an ext4 in an image, so that it can be filled, cut off and turned read-only.

Rule kept: everything lies in the folder of the laboratory and is unmounted at its end. On a machine that cannot mount,
it is a plain folder, and what needs a disk is not run.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.faults.faults import LabFault

SIZE: Final = 192 * 1024 * 1024
COMMANDS: Final = ("mkfs.ext4", "e2fsck", "losetup", "mount", "umount")
MADE: Final = ("mkfs.ext4", "-q", "-F", "-m", "0")
REPAIRED: Final = (0, 1)
"""What `e2fsck -p` ends with when the disk can be mounted."""


class Disk:
    """The disk mounted at `folder`; `real` once `make` has mounted an image there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.image, self.real = folder, folder.with_suffix(".img"), False
        self._filler = folder / "filler"

    async def make(self, able: bool) -> None:
        """Format and mount, where the machine is able to."""
        self.folder.mkdir()
        if able:
            with self.image.open("wb") as image:
                image.truncate(SIZE)
            await ordered(*MADE, str(self.image))
            await self.mount()

    async def mount(self) -> None:
        """Put it where it was."""
        await ordered("mount", "-o", "loop,noatime", str(self.image), str(self.folder))
        self.real = True

    async def unmount(self) -> None:
        """Take it away; nobody may have a file of it open."""
        if self.real:
            await ordered("umount", str(self.folder))
            self.real = False

    async def fill(self) -> None:
        """Take what space there is, down to the last block."""
        await asyncio.to_thread(_filled, self._filler)

    def free(self) -> None:
        """Give it back."""
        self._filler.unlink(missing_ok=True)

    async def copied(self) -> Path:
        """What the disk would hold after a power cut now: its image as it is, nothing synced before."""
        copy = self.image.with_suffix(".cut")
        await ordered("cp", "--sparse=always", str(self.image), str(copy))
        return copy

    async def replaced(self, copy: Path) -> None:
        """Unmount, and mount this image instead."""
        await self.unmount()
        await asyncio.to_thread(copy.replace, self.image)
        await self.mount()

    async def abort(self) -> None:
        """Read-only from now on, as after a failed write of its journal."""
        await ordered("mount", "-o", "remount,abort", str(self.folder))

    async def repair(self) -> None:
        """Unmount, check, mount."""
        await self.unmount()
        await ordered("e2fsck", "-p", str(self.image), good=REPAIRED)
        await self.mount()

    async def end(self) -> None:
        """Unmount, whoever still has a file open."""
        if self.real:
            with suppress(LabFault):
                await ordered("umount", "-l", str(self.folder))


async def ordered(*words: str, good: tuple[int, ...] = (0,)) -> None:
    """Run a command of the machine; `LabFault` when it ends with another status."""
    process = await asyncio.create_subprocess_exec(
        *words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode not in good:
        raise LabFault(f"`{words[0]}` ended with {process.returncode}: {said.decode(errors='replace').strip()[:200]}")


def _filled(path: Path) -> None:
    with path.open("ab") as filler:
        size = SIZE
        while size >= 4096:
            at = os.fstat(filler.fileno()).st_size
            try:
                os.posix_fallocate(filler.fileno(), at, size)
            except OSError:
                size //= 2


def lacks_disk() -> str | None:
    """Why this machine cannot mount an image of ours: tried, since a container may refuse what root may do."""
    if missing := [name for name in COMMANDS if not shutil.which(name)]:
        return f"the command `{missing[0]}`"
    with tempfile.TemporaryDirectory(prefix="punte-faults-") as folder:
        at, image = Path(folder) / "at", Path(folder) / "image"
        at.mkdir()
        with image.open("wb") as made:
            made.truncate(4 * 1024 * 1024)
        for words in (
            (*MADE, str(image)),
            ("mount", "-o", "loop", str(image), str(at)),
            ("umount", str(at)),
        ):
            if subprocess.run(words, capture_output=True, check=False).returncode:
                return f"the right to mount an image (`{words[0]}`)"
    return None
