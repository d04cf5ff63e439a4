"""The examples: valid ones are admitted and have the golden bytes, faulty ones are refused as they say."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import fastavro
import pytest

from hub.contracts.files import load_catalogue
from hub.contracts.wire import WireError, frame, strict_decode, strict_readers

CATALOGUE = load_catalogue()
READERS = strict_readers(CATALOGUE)


def examples(prefix: str, suffix: str) -> list[Any]:
    """Event type and file of each example."""
    return list(_examples(prefix, suffix))


def _examples(prefix: str, suffix: str) -> Iterator[Any]:
    for folder in sorted(files("schemas").joinpath("examples").iterdir(), key=lambda one: one.name):
        for file in sorted(folder.iterdir(), key=lambda one: one.name):
            if file.name.startswith(prefix) and file.name.endswith(suffix):
                yield pytest.param(folder.name, file, id=f"{folder.name}/{file.name}")


def framed(name: str, record: dict[str, Any]) -> bytes:
    """A record as a publisher would send it."""
    out = io.BytesIO()
    schema_id = CATALOGUE.version_of(name, record)
    fastavro.schemaless_writer(out, READERS[schema_id].parsed, record, strict=True)
    return frame(schema_id, out.getvalue())


@pytest.mark.parametrize(("name", "file"), examples("valid-", ".json"))
def test_valid_example_is_admitted_with_its_golden_bytes(name: str, file: Traversable) -> None:
    """A valid example encodes to the bytes beside it, is admitted, and comes out as it was written."""
    record = json.loads(file.read_text("utf-8"))
    golden = files("schemas").joinpath(f"examples/{name}/{file.name.removesuffix('.json')}.hex").read_text("utf-8")
    value = framed(name, record)
    assert value.hex() == golden.strip()
    assert strict_decode(value, READERS).record == record


@pytest.mark.parametrize(("name", "file"), examples("faulty-", ".json"))
def test_faulty_example_is_refused_as_it_says(name: str, file: Traversable) -> None:
    """A faulty example, as a record or as bytes, is refused with the code and path it names."""
    example = json.loads(file.read_text("utf-8"))
    value = bytes.fromhex(example["value"]) if "value" in example else framed(name, example["record"])
    with pytest.raises(WireError) as refused:
        strict_decode(value, READERS)
    assert {"code": refused.value.code, "path": refused.value.path} == example["refused"]


def test_every_type_has_examples() -> None:
    """Two valid and two faulty ones at least for each; what bytes can do to any type is in test_hostile_records."""
    for name in CATALOGUE.types:
        found = [file.name for file in files("schemas").joinpath(f"examples/{name}").iterdir()]
        assert sum(file.startswith("valid-") and file.endswith(".json") for file in found) >= 2
        assert sum(file.startswith("faulty-") for file in found) >= 2
