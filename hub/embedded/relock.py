"""Writes `jars.lock` anew: `python -m hub.embedded.relock`. For the person who moves Punte to a newer Kafka.

Rule kept: the lock is the only place where a jar's bytes are approved, and only a person running this changes it.
"""

import hashlib
from pathlib import Path

from hub.embedded.jars import KAFKA

ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA}", "org.slf4j:slf4j-simple:1.7.36")
"""Kafka itself, and the smallest logger its slf4j accepts: without one Kafka cannot say why it stops."""


def write_lock(target: Path) -> int:
    """Resolves ROOTS with jgo and writes `sha256 coordinate` lines; returns the number of jars."""
    import jgo

    artifacts = {str(artifact.component): artifact for root in ROOTS for artifact in jgo.resolve(root)}
    rows = sorted(
        f"{hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()} "
        f"{artifact.groupId}:{artifact.artifactId}:{artifact.version}"
        for artifact in artifacts.values()
    )
    rows.sort(key=lambda row: row.split()[1])
    target.write_text(f"# sha256 and coordinate of every jar that Kafka {KAFKA} may load\n" + "\n".join(rows) + "\n")
    return len(rows)


if __name__ == "__main__":
    print(f"{write_lock(Path(__file__).with_name('jars.lock'))} jars locked")
