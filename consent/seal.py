"""Seals and layout of the policy files: one spelling for one meaning, and a mark by which an edit of a table is seen.

Rule kept: the seal of a table is made of everything else in it, so a letter changed by accident no longer fits; it is
no signature (who signed stands in the register), it makes sure that what was signed is what is read.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping

from consent.errors import Finding, FindingKind
from consent.matrix import canonical

SEAL = "seal"
HEAD = re.compile(r"\[\[([a-z]+)\]\]\s*")
WIDTH = 132


def seal_of(table: Mapping[str, object]) -> str:
    """Eight hexadecimal digits over all of a table but its seal."""
    rest = {key: value for key, value in table.items() if key != SEAL}
    return hashlib.sha256(canonical(rest)).hexdigest()[:8]


def check_seals(name: str, raw: Mapping[str, object]) -> Iterator[Finding]:
    """A finding for each table of a file without a seal, or whose seal no longer fits."""
    for kind, tables in raw.items():
        for number, table in enumerate(tables if isinstance(tables, list) else [], 1):
            if isinstance(table, dict) and table.get(SEAL) != seal_of(table):
                where = str(table.get("id") or table.get("name") or f"{kind} {number}")
                what = "has no seal" if SEAL not in table else "says something else than what was sealed"
                remedy = "read it again, then `punte policy format --seal`"
                yield Finding(FindingKind.SEAL, f"{name}, {where}: {kind} {what}", remedy, row=where)


def formatted(text: str, *, reseal: bool) -> str:
    """The file in its one layout: comments stay above their table, keys in the order they came, seals last.

    `reseal`: write a fresh seal into every table, else leave the seals as they are. The text must be TOML.
    """
    blocks = [_block(block, reseal=reseal) for block in re.split(r"\n\s*\n", text.strip("\n"))]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _block(text: str, *, reseal: bool) -> str:
    """One block of lines: comments alone, or comments and one table."""
    comments = [line.strip() for line in text.splitlines() if line.lstrip().startswith("#")]
    body = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")).strip()
    if not body:
        return "\n".join(comments)
    raw = tomllib.loads(body)
    found = HEAD.match(body)
    if found is None or len(raw) != 1:
        return "\n".join([*comments, body])
    table = raw[found[1]][0]
    if reseal:
        table[SEAL] = seal_of(table)
    lines = [line for key, value in table.items() if key != SEAL for line in _entry(key, value)]
    last = [f'{SEAL} = "{table[SEAL]}"'] if SEAL in table else []
    return "\n".join([*comments, f"[[{found[1]}]]", *lines, *last])


def _entry(key: str, value: object) -> Iterator[str]:
    """`key = value`; the packages of a row one line each, a list that is too long one line an element."""
    if key == "packages" and isinstance(value, dict):
        yield from (f"{key}.{name} = {_value(part)}" for name, part in value.items())
        return
    line = f"{key} = {_value(value)}"
    if len(line) <= WIDTH or not isinstance(value, list):
        yield line
        return
    yield f"{key} = ["
    yield from (f"  {_value(item)}," for item in value)
    yield "]"


def _value(value: object) -> str:
    """A value of TOML as these files write it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'
