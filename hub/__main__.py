"""The `punte` command: runs the command line and turns every known error into a sentence, a hint and an exit status.

Rule kept: stdout carries data, stderr carries talk; an error is `error: sentence`, a blank line, `hint: remedy`,
or, with `--json` on the command line, one object that says the same. A fault nobody foresaw shows its type and its
place in the code, never its message: the message can hold a value of a record.
"""

import json
import sys
from types import TracebackType

from typer.exceptions import Abort, TyperException

from hub.cli import NOUNS, build
from hub.cli.complete import typed_noun
from hub.contracts.limits import SchemaRefused
from hub.errors import Exit, PunteError


def main() -> None:
    """Runs `punte` with the arguments of the process."""
    sys.excepthook = unforeseen
    try:
        status = run(sys.argv[1:])
    finally:
        if (
            sys.excepthook.__module__ == "typer.main"
        ):  # which puts a hook of its own there, and that one tells the message
            sys.excepthook = unforeseen
    sys.exit(status)


def run(arguments: list[str]) -> int:
    """The exit status of one command line."""
    as_json = "--json" in arguments
    try:
        completed = typed_noun()
        line = arguments if completed else _or_help(arguments)
        result = build(completed or (arguments[0] if arguments else None))(
            line, standalone_mode=False, prog_name="punte"
        )
    except PunteError as error:
        return show(error, as_json=as_json)
    except SchemaRefused as refused:
        sentence = f"schemas/{refused.file}: field `{refused.field}` stops all of schemas/ from loading"
        return show(PunteError("schema_refused", sentence, refused.remedy), as_json=as_json)
    except TyperException as error:
        return show(PunteError("usage", _lowered(error.format_message())), as_json=as_json)
    except (KeyboardInterrupt, Abort):
        return show(PunteError("interrupted", "interrupted before the end"), as_json=as_json)
    return result if isinstance(result, int) else Exit.DONE


def show(error: PunteError, *, as_json: bool) -> int:
    """Prints an error for a person on stderr, or as the object of `--json` on stdout; returns its exit status."""
    if as_json:
        print(json.dumps(error.as_json(), ensure_ascii=False))
    else:
        print(f"error: {error.sentence}\n\nhint: {error.remedy}", file=sys.stderr)
    return int(error.status)


def unforeseen(kind: type[BaseException], _: BaseException, trace: TracebackType | None) -> None:
    """The last word on a fault without a code; Python itself then ends with status 1."""
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
    show(PunteError("failed", f"a fault of Punte itself: {kind.__name__} at {place}"), as_json=False)


def _or_help(arguments: list[str]) -> list[str]:
    """A command line that stops at a noun with verbs asks for its help."""
    bare = len(arguments) == 1 and any(noun.name == arguments[0] and noun.verbs for noun in NOUNS)
    return [*arguments, "--help"] if bare or not arguments else arguments


def _lowered(message: str) -> str:
    """Messages open with a small letter and end without a full stop, wherever they come from."""
    return message[:1].lower() + message[1:].rstrip(".")


if __name__ == "__main__":
    main()
