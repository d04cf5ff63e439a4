"""Exceptions as `Type@file:line`, and nothing else of them.

Rule kept: a message, an argument or a local variable of an exception can hold a value of a record, so none is read.
"""

from collections.abc import Iterator
from pathlib import PurePath
from types import TracebackType

from hub.telemetry.allow import KIND, PLACE


def describe_fault(fault: BaseException) -> str:
    """The exception and its causes, newest first: `ConnectError@gateway/kafka.py:41 < OSError@net/conn.py:7`."""
    return " < ".join(f"{_kind(type(one))}@{describe_place(one.__traceback__)}" for one in _causes(fault))


def _kind(kind: type[BaseException]) -> str:
    """The name of the class, or of the first above it that is spelt as one: `gaierror` is said as `OSError`."""
    return next((each.__name__ for each in kind.__mro__ if KIND.fullmatch(each.__name__)), "BaseException")


def describe_place(trace: TracebackType | None) -> str:
    """Folder, file and line of the innermost frame; never a whole path, which would name a machine."""
    while trace and trace.tb_next:
        trace = trace.tb_next
    return short_place(trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace else "unknown"


def short_place(path: str, line: int) -> str:
    """The last folder, the file and the line; `unknown` for code that is in no file."""
    place = f"{'/'.join(PurePath(path).parts[-2:])}:{line}"
    return place if PLACE.fullmatch(place) else "unknown"


def _causes(fault: BaseException) -> Iterator[BaseException]:
    """At most five: a chain can be long and even go round."""
    one: BaseException | None = fault
    for _ in range(5):
        if one is None:
            return
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
