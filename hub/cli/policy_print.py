"""`punte policy matrix` and `punte policy record-of-processing`: what a person signs, and what an authority asks for.

Rules kept: a file appears whole or not at all, and none is replaced unless that is asked for; a pack that crosses a
line is refused before anything is written.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from consent.errors import PolicyRefused
from consent.messages import Language
from consent.terms import Profile
from hub.cli.policy_told import number, refuse
from hub.errors import Exit, PunteError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Policies = Annotated[Path | None, typer.Option("--policies", help="Folder of the policy pack; else the installed one.")]
InProfile = Annotated[Profile, typer.Option("--profile", help="demo also releases on unconfirmed law.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of the text.")]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="File to write: one page, both languages, A3 to print.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


def matrix(
    html: HtmlFile = None,
    force: Force = False,
    as_json: AsJson = False,
    policies: Policies = None,
    profile: InProfile = Profile.DEMO,
) -> int:
    """Print the release matrix to sign: roles across, field groups down, law and transform in each cell."""
    from consent.compile import compile_policy
    from consent.names import Name
    from consent.pack import parse_pack
    from consent.table import page
    from hub.contracts.files import load_catalogue
    from hub.release.files import read_pack
    from hub.views.printed import as_json as page_json
    from hub.views.printed import document

    if html is None and not as_json:
        raise PunteError("usage", "nothing says what to print", "give `--html FILE`, `--json` or both")
    catalogue = load_catalogue()
    titles = {name: Name(entry.title["en"], entry.title["ro"]) for name, entry in catalogue.entries.items()}
    now = time.time_ns() // 1_000_000
    try:
        pack = parse_pack(read_pack(policies), catalogue.types)
        policy = compile_policy(pack, catalogue.types, profile, at_ms=now)
    except PolicyRefused as refused:
        return refuse(refused, profile, as_json=as_json)
    made = page(policy, catalogue.types, titles, pack.waivers.counting(now))
    if html is not None:
        write_whole(html, document(made), force=force)
    counted = ((len(made.tables), "event type"), (made.cells, "cell"), (made.releases, "release"))
    counts = ", ".join(number(n, noun) for n, noun in counted)
    told = f"{html}: {counts}, digest {made.digest[:16]}"
    print(json.dumps(page_json(made), ensure_ascii=False) if as_json else told)
    return Exit.DONE


def record_of_processing(as_json: AsJson = False, policies: Policies = None, lang: Lang = Language.EN) -> int:
    """Print the record of processing (GDPR art. 30; Law 363/2018 art. 33) from the catalogue and the matrix."""
    from consent.pack import parse_pack
    from hub.contracts.files import load_catalogue
    from hub.release.files import read_pack
    from hub.views.processing import record
    from hub.views.processing_told import as_json as record_json
    from hub.views.processing_told import lines

    catalogue = load_catalogue()
    try:
        pack = parse_pack(read_pack(policies), catalogue.types)
    except PolicyRefused as refused:
        return refuse(refused, Profile.DEMO, as_json=as_json)
    made = record(catalogue, pack.matrix)
    print(json.dumps(record_json(made, lang), ensure_ascii=False) if as_json else "\n".join(lines(made, lang)))
    return Exit.DONE


def write_whole(path: Path, text: str, *, force: bool) -> None:
    """Write a file so that nobody ever sees half of it.

    Raises PunteError when it is there and `force` is not given, or when the folder cannot be written to.
    """
    if not path.name or (path.exists() and not path.is_file()):
        raise PunteError("usage", f"`{path}` is no ordinary file", "name a file in a folder of yours")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, fails when the name is taken.
        part.replace(path) if force else os.link(part, path)
    except FileExistsError:
        raise PunteError("usage", f"`{path}` is there already", "name another file, or add `--force`") from None
    except OSError as fault:
        says = f"`{path}` cannot be written: {fault.strerror}"
        raise PunteError("usage", says, "name a file in a folder of yours") from None
    finally:
        part.unlink(missing_ok=True)
