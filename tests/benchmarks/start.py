"""How long until a gateway with the full matrix could ask Kafka: `python -m tests.benchmarks.start`.

Measured as a whole process, several times: interpreter, imports, catalogue, the policy proven, every slicer, cutter and
check generated. Beside it what the same process takes without the matrix: interpreter and imports alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from statistics import median
from time import perf_counter
from typing import Final

ROUNDS: Final = 7
WANTED_S: Final = 1.5
QUESTION: Final = "How long does a gateway with the full matrix take from its start until it could ask Kafka?"
IMPORTS: Final = "import hub.assemble"
WHOLE: Final = """
from hub.assemble import compiled, deciding_policy, now_ms
from hub.contracts.files import load_catalogue
from hub.settings import Settings
catalogue = load_catalogue()
policy = deciding_policy(Settings(profile="demo"), catalogue, now_ms())
print(len(compiled(catalogue, policy)), len(policy.releases))
"""


def timed(code: str) -> tuple[float, str]:
    """The median seconds of a fresh process that runs this, and what it printed last."""
    taken, said = [], ""
    for _ in range(ROUNDS):
        start = perf_counter()
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        taken.append(perf_counter() - start)
        said = done.stdout.strip()
    return median(taken), said


def main() -> None:
    """Measure and print."""
    bare, _ = timed(IMPORTS)
    whole, said = timed(WHOLE)
    types, releases = map(int, said.split())
    figures = {"seconds": round(whole, 3), "imports_seconds": round(bare, 3), "types": types, "releases": releases}
    print(
        f"A gateway of {types} event types and {releases} releases is ready to ask Kafka after {whole:.2f} s, "
        f"{bare:.2f} s of it imports ({WANTED_S} s is wanted)."
    )
    print(json.dumps({"question": QUESTION, "ratio": round(whole / bare, 2), "figures": figures}))


if __name__ == "__main__":
    main()
