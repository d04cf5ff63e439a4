"""The command line: one file per noun, loaded only when its noun is typed, so that `punte --help` answers at once.

Rule kept: a noun's module defines `app` (a `typer.Typer` with its verbs) or, for a noun without verbs, `main`.
To add one: a row in NOUNS and a file of that name here.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer


@dataclass(frozen=True, slots=True)
class Noun:
    """One word after `punte`: its one-line help, and whether verbs follow it."""

    name: str
    summary: str
    verbs: bool = True


NOUNS = (
    Noun("demo", "Run the story on a real Kafka and check every release from outside.", verbs=False),
    Noun("broker", "Start, show and stop a real Kafka on this machine."),
    Noun("topic", "Plan and create the topics and access rights of a federation."),
    Noun("register", "Write standing facts: units, agreements, consents, holds."),
    Noun("policy", "Prove, show and compile the release matrix."),
    Noun("run", "Run a part of the hub: admission, a gateway, or all."),
    Noun("event", "Check an event, and publish it as a unit would."),
    Noun("release", "Read what a unit received."),
    Noun("why", "Tell why a unit received what it received, and why not more.", verbs=False),
    Noun("trace", "Show the way of an event step by step, with times.", verbs=False),
    Noun("quarantine", "Look at what waits for a person; try it again, or close it."),
    Noun("status", "Show how far each lane is: what waits, how fast, how old.", verbs=False),
    Noun("doctor", "Check whether a hub can work here, each check with its remedy.", verbs=False),
    Noun("explain", "Tell what a code means and what to do about it.", verbs=False),
)


def build(typed: str | None) -> typer.Typer:
    """The command tree with every noun's line of help, and the verbs of the one noun `typed`."""
    app = typer.Typer(
        help="Punte carries case events between agencies: each unit receives exactly the fields it may have.",
        epilog="Exit status: 0 done, 1 failed, 2 usage, 3 findings, 4 not authenticated, 5 withheld, 6 undecided.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    for noun in NOUNS:
        _add(app, noun, loaded=noun.name == typed)
    return app


def _add(app: typer.Typer, noun: Noun, *, loaded: bool) -> None:
    if not noun.verbs:
        app.command(noun.name, help=noun.summary)(_load(noun, "main") if loaded else _not_loaded)
    else:
        verbs = _load(noun, "app") if loaded else typer.Typer(callback=_not_loaded)
        app.add_typer(verbs, name=noun.name, help=noun.summary)


def _load(noun: Noun, name: str) -> Any:
    """The named thing of the noun's module: an `app` or a `main`."""
    return getattr(import_module(f"hub.cli.{noun.name}"), name)


def _not_loaded() -> None:
    """Stands for a noun that was not typed."""
