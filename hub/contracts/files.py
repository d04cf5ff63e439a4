"""Reads `schemas/` from the installed package: the catalogue as the hub runs it.

Rule kept: the schemas are data of the distribution, so a wheel outside any checkout reads the same files.
"""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from hub.contracts.catalogue import Catalogue, SchemaRefused, Sources, catalogue

RECORD_FOLDERS = {"register": "registers", "audit": "audit"}


def schema_root() -> Traversable:
    """The folder `schemas/` of the installed distribution."""
    return files("schemas")


def read_lock(root: Traversable | None = None) -> dict[str, dict[str, int]]:
    """`lock.json`: parts events, records, releases; name -> id."""
    lock: dict[str, dict[str, int]] = parsed(root or schema_root(), "lock.json", json.loads)
    return lock


def schema_path(part: str, name: str) -> str:
    """Where the schema of a lock name lies below `schemas/`."""
    if part == "events":
        return f"events/{name}.avsc"
    if part == "releases":
        return f"releases/{name}.avsc"
    kind, _, rest = name.partition(".")
    return f"{RECORD_FOLDERS[kind]}/{rest.replace('/', '.')}.avsc"


def _schemas(root: Traversable, lock: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part, names in lock.items():
        for name in names:
            path = schema_path(part, name)
            try:
                yield name, parsed(root, path, json.loads)
            except FileNotFoundError:
                raise SchemaRefused(
                    path, "*", "restore the file: lock.json has its id, and an id is for ever"
                ) from None


def parsed(root: Traversable, path: str, parse: Callable[[str], Any]) -> Any:
    """What a JSON or TOML file says; SchemaRefused names the line that is neither."""
    try:
        return parse(root.joinpath(path).read_text("utf-8"))
    except (json.JSONDecodeError, tomllib.TOMLDecodeError) as fault:
        raise SchemaRefused(path, "*", f"correct its form: {fault}") from None


def load_catalogue(root: Traversable | None = None) -> Catalogue:
    """All of `schemas/`, checked; raises SchemaRefused with file, field, remedy."""
    base = root or schema_root()
    lock = read_lock(base)
    places = csv.DictReader(base.joinpath("common/siruta.csv").read_text("utf-8").splitlines())
    processing = parsed(base, "catalogue.toml", tomllib.loads)
    return catalogue(Sources(processing, lock, dict(_schemas(base, lock)), places))
