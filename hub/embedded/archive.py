"""The class archive: Java maps Kafka's classes from one file instead of reading 45 jars, and starts twice as fast.

Rule kept: the archive is a copy of checked jars for one Java version, made in the background of the first broker's life
and never waited for; without it everything works, only slower. (JEP 310 and 350: application class-data sharing.)
"""

from pathlib import Path

from hub.embedded.java import Java
from hub.embedded.node import join_class_path


def archive_path(java: Java, jars: tuple[Path, ...]) -> Path:
    """Where the archive of these jars for this Java lies, made or not."""
    return jars[0].parent.parent / f"classes-{java.version}.jsa"


def archive_options(archive: Path, folder: Path) -> list[str]:
    """Java options that use the archive, or that list the loaded classes for making it."""
    if archive.exists():
        return [f"-XX:SharedArchiveFile={archive}", "-XX:+VerifySharedSpaces"]
    return [f"-XX:DumpLoadedClassList={folder / 'classes.list'}"]


def archive_command(java: Java, jars: tuple[Path, ...], folder: Path) -> list[str]:
    """The command that makes `folder/classes.jsa` from `folder/classes.list`; niced, it takes about ten seconds."""
    made = folder / "classes.jsa"
    share = [
        "-Xshare:dump",
        f"-XX:SharedClassListFile={folder / 'classes.list'}",
        f"-XX:SharedArchiveFile={made}",
    ]
    return [
        str(java.path),
        *share,
        "-XX:+UseSerialGC",
        "-Xlog:disable",
        "-cp",
        join_class_path(jars),
    ]
