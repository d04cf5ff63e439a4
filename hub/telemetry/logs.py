"""Logs: a structlog chain that ends in the allow-list, one JSON object a line on stderr.

Rule kept: nothing reaches a log line but what `allow` lets through, whoever logs. The loggers of libraries (aiokafka,
FastStream, asyncio) pass the same chain: of their records only the logger's name, the level and the place in the code
are read, never the message, its arguments or extras, since a raw record can be in them.
"""

import json
import logging
import sys
import threading
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, ClassVar

import structlog
from structlog.typing import FilteringBoundLogger, WrappedLogger

from hub.telemetry.allow import keep_allowed
from hub.telemetry.faults import describe_fault, short_place

Said = MutableMapping[str, Any]

_stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)


class Threshold:
    """The lowest level that is said; `configure_logs` sets it for the process."""

    level: ClassVar[int] = logging.INFO


def say_fault(_: WrappedLogger, __: str, said: Said) -> Said:
    """Replaces `exc_info` by `fault`: type and place."""
    found = said.pop("exc_info", None)
    fault = sys.exc_info()[1] if found is True else found[1] if isinstance(found, tuple) else found
    if isinstance(fault, BaseException):
        said["fault"] = describe_fault(fault)
    return said


def drop_low(_: WrappedLogger, __: str, said: Said) -> Said:
    """Ends the line here if its level is below the threshold."""
    if logging.getLevelNamesMapping()[str(said["level"]).upper()] < Threshold.level:
        raise structlog.DropEvent
    return said


def end_in_allow_list(_: WrappedLogger, __: str, said: Said) -> str:
    """The last step: the allowed part as one line of JSON."""
    return json.dumps(keep_allowed(said))


CHAIN = (structlog.processors.add_log_level, drop_low, structlog.contextvars.merge_contextvars, _stamp, say_fault)


class Stderr:
    """Where lines go: the standard error of the moment, flushed."""

    def msg(self, line: str) -> None:
        """Writes one line."""
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = msg


def get_log(name: str) -> FilteringBoundLogger:
    """A logger for one module: `get_log(__name__).info("batch.committed", lane="case", count=3, ms=2.1)`.

    The first argument is a code of ours, never a sentence; safe before `configure_logs`, too.
    """
    bound: FilteringBoundLogger = structlog.wrap_logger(
        Stderr(),
        processors=[*CHAIN, end_in_allow_list],
        wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET),
    ).bind(logger=name)
    return bound


class Routed(logging.Handler):
    """The only handler of the standard library's loggers: place and level, nothing of the message."""

    def emit(self, record: logging.LogRecord) -> None:
        """Says that a library spoke, and from where; one level less readily than our own code."""
        if record.levelno < Threshold.level + (logging.INFO - logging.DEBUG) and Threshold.level > logging.DEBUG:
            return
        place = short_place(record.pathname, record.lineno)
        line = get_log(record.name)
        speak = getattr(line, logging.getLevelName(record.levelno).lower(), line.warning)
        speak("library.spoke", place=place, exc_info=record.exc_info)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Stays silent: the default prints the message and its arguments."""


class Closed(logging.Logger):
    """A library's logger whose own handlers are never called: FastStream adds some, with whole messages."""

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 - the standard library's name
        """Hands the record to the chain alone."""
        ROUTED.handle(record)


ROUTED = Routed()


def configure_logs(level: str = "INFO") -> None:
    """Routes every logger of the process, and every uncaught exception, through the chain. Call once, first."""
    Threshold.level = logging.getLevelNamesMapping()[level.upper()]
    logging.setLoggerClass(Closed)
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.__class__ = Closed
    logging.basicConfig(handlers=[ROUTED], level=Threshold.level, force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = say_uncaught
    sys.unraisablehook = lambda odd: say_uncaught(odd.exc_type, odd.exc_value, odd.exc_traceback)
    threading.excepthook = lambda odd: say_uncaught(odd.exc_type, odd.exc_value, odd.exc_traceback)


def say_uncaught(_: type[BaseException], fault: BaseException | None, __: TracebackType | None) -> None:
    """The last line of an exception that nobody caught."""
    get_log(__name__).critical("uncaught", exc_info=fault)
