"""Where a restored partition was cut is found by reading few records back."""

from __future__ import annotations

import pytest

from connectors.sdk.port import Witness
from connectors.sdk.witness.kafka import last_there


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 1000])
@pytest.mark.parametrize("cut", [-1, 0, 1, 2, 6, 500, 999])
async def test_the_last_that_is_there_is_found(count: int, cut: int) -> None:
    """Whatever the number of rows and wherever the cut; with a logarithm of questions."""
    asked: list[int] = []

    async def there(witness: Witness) -> bool:
        asked.append(witness.offset)
        return witness.offset <= 3 * cut

    witnesses = [Witness("inbox.case.ux3joc", 0, 3 * number, "") for number in range(count)]
    assert await last_there(witnesses, there) == (3 * min(cut, count - 1) if cut >= 0 and count else -1)
    assert len(asked) <= count.bit_length()
