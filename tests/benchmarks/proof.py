"""What does the proof at every start cost? `python -m tests.benchmarks.proof`.

One proof = compile the matrix and judge every red line and duty line over every release: of the fixture pack, and
beside it of the reference pack with its 21 event types. There is no reference to compare with: the ratio is null.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Final

from consent.compile import Policy, compile_policy
from consent.pack import PackTexts, parse_pack
from consent.terms import Profile
from tests.benchmarks.pack import NAME, load_pack, text
from tests.cases.pack import texts, types

ROUNDS: Final = 15
QUESTION: Final = "What does it cost to compile the matrix and prove every line over every release?"


def proofs() -> tuple[Callable[[], Policy], Callable[[], Policy]]:
    """The proof of the fixture pack, and that of the reference pack; files are read and words checked before."""
    kind = {NAME: load_pack().type}
    own = parse_pack(PackTexts(text("matrix.toml"), text("redlines.toml"), text("dutylines.toml")), kind)
    reference = parse_pack(texts(), types())
    return (
        lambda: compile_policy(own, kind, Profile.PRODUCTION),
        lambda: compile_policy(reference, types(), Profile.DEMO),
    )


def timed(proof: Callable[[], Policy], rounds: int = ROUNDS) -> tuple[float, Policy]:
    """The median milliseconds of a proof, and the policy it proves."""
    taken = []
    for _ in range(rounds):
        start = perf_counter()
        proof()
        taken.append((perf_counter() - start) * 1_000)
    return median(taken), proof()


def main() -> None:
    """Measure and print."""
    (ms, policy), (reference_ms, reference) = (timed(proof) for proof in proofs())
    figures = {
        "ms": round(ms, 2),
        "releases": len(policy.releases),
        "lines": len(policy.proofs),
        "reference_ms": round(reference_ms, 2),
        "reference_releases": len(reference.releases),
    }
    print(
        f"The proof of the pack took {ms:.1f} ms over {len(policy.releases)} releases, that of the reference pack "
        f"{reference_ms:.1f} ms over {len(reference.releases)} (at most 50 ms is wanted)."
    )
    print(json.dumps({"question": QUESTION, "ratio": None, "figures": figures}))


if __name__ == "__main__":
    main()
