"""Seals and layout of the policy files: one spelling for one meaning, and a mark by which an edit of a table is seen.

Rule kept: the seal of a table is made of everything else in it, and the seal of a file of those of its tables, so a
letter changed or a line taken out by accident no longer fits; it is no signature (who signed stands in the register),
it makes sure that what was signed is what is read.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from consent.errors import Finding, FindingKind, PolicyRefused
from consent.matrix import canonical, meaning

SEAL = "seal"
HEAD = re.compile(r"\[\[[^\]]+\]\]")
OWN_SEAL = re.compile(r"seal\s*=")
WIDTH = 132


def seal_of(table: Mapping[str, object]) -> str:
    """Eight hexadecimal digits over all of a table but its seal."""
    rest = {key: value for key, value in table.items() if key != SEAL}
    return hashlib.sha256(canonical(rest)).hexdigest()[:8]


def file_seal(raw: Mapping[str, object]) -> str:
    """Eight hexadecimal digits over the seals of all tables of a file, in their order, as they are written."""
    tables = [[kind, *(each.get(SEAL) for each in found)] for kind, found in _kinds(raw).items()]
    return hashlib.sha256(canonical(tables)).hexdigest()[:8]


def _kinds(raw: Mapping[str, object]) -> Mapping[str, list[Mapping[str, object]]]:
    return {
        kind: [each for each in tables if isinstance(each, dict)]
        for kind, tables in raw.items()
        if isinstance(tables, list)
    }


def check_seals(name: str, raw: Mapping[str, object]) -> Iterator[Finding]:
    """A finding for each table of a file without a seal or whose seal no longer fits, and for the file itself."""
    remedy = "compare it with what was signed (`punte policy compare`), then `punte policy format --seal`"
    if raw and raw.get(SEAL) != file_seal(raw):
        what = (
            "has no seal"
            if SEAL not in raw
            else "lacks a table, or has one more, or in another place, than when sealed"
        )
        yield Finding(FindingKind.SEAL, f"{name} {what}", remedy, row=name)
    for kind, tables in _kinds(raw).items():
        for number, table in enumerate(tables, 1):
            if table.get(SEAL) != seal_of(table):
                where = str(table.get("id") or table.get("name") or f"{kind} {number}")
                what = "has no seal" if SEAL not in table else "says something else than what was sealed"
                remedy = "read it again, then `punte policy format --seal`"
                yield Finding(FindingKind.SEAL, f"{name}, {where}: {kind} {what}", remedy, row=where)


def formatted(name: str, text: str, *, reseal: bool) -> str:
    """The file in its one layout: its seal first, one blank line between tables, keys as they came, their seal last.

    `reseal`: seal every table and the file anew (one without tables has no seal), else leave the seals as they are. A
    table that holds a comment or a text of several lines keeps its own lines. Raises PolicyRefused where the result
    would not say what the file says.
    """
    lines = text.replace("\r\n", "\n").splitlines()
    heads = [at for at, line in enumerate(lines) if HEAD.match(line.strip())]
    if not heads:
        kept = [line for line in lines if not (reseal and OWN_SEAL.match(line.strip()))]
        return "\n\n".join(_gap(kept)) + "\n"
    parts: list[str] = []
    before: Sequence[str] = [line for line in lines[: heads[0]] if not OWN_SEAL.match(line.strip())]
    try:
        for at, end in pairwise((*heads, len(lines))):
            body, after = _parted(lines[at:end])
            parts.append(_joined(before, _table(body, reseal=reseal)))
            before = after
    except (tomllib.TOMLDecodeError, LookupError):
        raise PolicyRefused([_changes(name)]) from None
    made = "\n\n".join([*parts, *_gap(before)]) + "\n"
    if _unsealed(made) != _unsealed(text):
        raise PolicyRefused([_changes(name)])
    return _file_sealed(made, text, reseal=reseal)


def _file_sealed(made: str, text: str, *, reseal: bool) -> str:
    """The file with its own seal as the first line: a fresh one, or the one it had, if any."""
    seal = file_seal(tomllib.loads(made)) if reseal else tomllib.loads(text).get(SEAL)
    return made if seal is None else f'{SEAL} = "{seal}"\n\n{made}'


def _changes(name: str) -> Finding:
    says = f"{name} cannot be laid out without changing what it says"
    return Finding(
        FindingKind.SHAPE, says, "begin each table with its [[name]] on a line of its own; nothing was written"
    )


def _unsealed(text: str) -> object:
    """All a file says apart from its seals; where it is no TOML, something nothing equals."""
    try:
        return meaning(tomllib.loads(text))
    except tomllib.TOMLDecodeError:
        return object()


def _parted(lines: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """A table's own lines, and the comments and blank lines behind it, which belong to the next one."""
    end = len(lines)
    while end > 1 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return lines[:end], lines[end:]


def _gap(lines: Sequence[str]) -> list[str]:
    """Comments that stand between tables, in groups parted by blank lines."""
    groups = "\n".join(line.strip() for line in lines).split("\n\n")
    return [group.strip("\n") for group in groups if group.strip("\n")]


def _joined(before: Sequence[str], table: str) -> str:
    """A table below what stands above it: a comment right above it stays there."""
    groups = _gap(before)
    if groups and before[-1].strip():
        table = f"{groups.pop()}\n{table}"
    return "\n\n".join([*groups, table])


def _table(lines: Sequence[str], *, reseal: bool) -> str:
    """One table with its seal last."""
    body = "\n".join(lines)
    ((kind, (table,)),) = tomllib.loads(body).items()
    seal = seal_of(table) if reseal else table.get(SEAL)
    if "#" in body or '"""' in body or "'''" in body or _escaped(table):
        made = [line for line in lines if not OWN_SEAL.match(line.strip())]
    else:
        made = [f"[[{kind}]]", *(line for key, value in table.items() if key != SEAL for line in _entry(key, value))]
    return "\n".join([*made, *([f'{SEAL} = "{seal}"'] if seal is not None else [])])


def _escaped(value: object) -> bool:
    """Whether any text in a value holds a character that is written escaped: a quote, a backslash, a control."""
    return b"\\" in canonical(value)


def _entry(key: str, value: object) -> Iterator[str]:
    """`key = value`; the packages of a row one line each, a list that is too long one line an element."""
    if key == "packages" and isinstance(value, dict) and value:
        yield from (f"{key}.{_key(name)} = {_value(part)}" for name, part in value.items())
        return
    line = f"{_key(key)} = {_value(value)}"
    if len(line) <= WIDTH or not isinstance(value, list):
        yield line
        return
    yield f"{_key(key)} = ["
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
        return f'"{value}"'
    return str(value)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else f'"{key}"'
