"""The laws of the architecture as functions: the text of a file in, sentences about what breaks a law out.

Rule kept: each law is checked from the syntax tree alone, so that it can be tried on a planted violation.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

WORLD_FILES = {
    "kafka.py",
    "http.py",
    "sql.py",
    "files.py",
    "process.py",
    "source.py",
    "sink.py",
    "settings.py",
    "assemble.py",
}
WORLD_FOLDERS = {"telemetry", "embedded", "cli"}
WORLD_MARKED = {"hub/__main__.py"}
"""Files outside the names of law 8 that touch the world: the process itself."""

WORLD_MODULES = {
    *("os", "sys", "time", "random", "secrets", "socket", "ssl", "select", "signal", "shutil", "tempfile"),
    *("subprocess", "multiprocessing", "threading", "asyncio", "logging", "sqlite3", "fcntl", "platform", "getpass"),
    *("aiokafka", "faststream", "confluent_kafka", "requests", "httpx", "structlog", "opentelemetry", "typer", "rich"),
    *("urllib.request", "http.client", "http.server", "concurrent.futures", "importlib.resources", "pydantic_settings"),
}
SEEDED = "random.Random"
"""Chance that comes from a seed is a function of it; `Random()` without one is found as a call."""
WORLD_CALLS = {"open", "print", "input", "breakpoint", "exec_module"}
WORLD_METHODS = {
    *("now", "utcnow", "today", "uuid1", "uuid4", "urandom", "monotonic", "read_text", "read_bytes", "write_text"),
    *("write_bytes", "iterdir", "rglob", "mkdir", "unlink", "touch", "getenv"),
}

RUN_LOOPS: set[tuple[str, str]] = {("hub/follow/kafka.py", "_take")}
"""(file, function) pairs where `except Exception` may stand: a loop that must say its end before it ends."""

FORBIDDEN_WORDS = re.compile(r"(?i)(?<![a-z])(manager|service|util|utils|utility|helper|helpers|processor)s?(?![a-z])")
MOCKS = {"unittest.mock", "mock", "pytest_mock", "flexmock", "responses", "doublex"}

SHARED = ("hub.errors", "hub.settings", "hub.telemetry", "hub.follow")
"""What a file that touches the world may use beside its own capability's pure files."""
CORE = ("consent", "hub.contracts", "hub.release")
DIRECTIONS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("consent", (), ()),
    ("hub.contracts", ("consent.terms",), ("hub.errors",)),
    ("hub.release", ("consent", "hub.contracts"), ("hub.errors",)),
    ("hub.errors", (), ()),
    ("hub.settings", ("consent.terms", "hub.contracts", "hub.errors"), ()),
    ("hub.telemetry", ("hub.errors",), ()),
    ("hub.embedded", ("hub.errors",), ()),
    ("hub.follow", CORE, ("hub.errors", "hub.settings", "hub.telemetry")),
    ("hub.check", ("consent", "hub"), ()),
    *(
        (f"hub.{name}", ("consent", "hub", "schemas"), ())
        for name in ("assemble", "demo", "cli", "__main__", "supervise")
    ),
    ("hub.console", (*CORE, "hub.views.questions"), SHARED),
    ("hub", CORE, SHARED),
    ("connectors", ("hub.contracts", "hub.telemetry"), ()),
    ("schemas", (), ()),
)
"""Module prefix -> what all its files may import, and what its world-touching files may import besides; its own
capability is always allowed. The first prefix that fits counts."""
CHECKED_CODE = ("consent.compile", "consent.decide", "hub.release")
"""What `hub.check` recomputes, and so must not use."""
COMMANDS = ("hub.__main__", "hub.cli")
"""The only ones that know the command line."""


def touches_world(path: str) -> bool:
    """Whether law 8 lets this file do I/O."""
    pure = PurePosixPath(path)
    return pure.name in WORLD_FILES or bool(WORLD_FOLDERS & set(pure.parts[:-1])) or path in WORLD_MARKED


def find_world(path: str, source: str) -> Iterator[str]:
    """Law 8: imports and calls of a pure file that reach a clock, chance, the environment or the outside."""
    if touches_world(path):
        return
    for node in ast.walk(ast.parse(source)):
        for name in _imported(node):
            if name != SEEDED and any(_within(name, module) for module in WORLD_MODULES):
                yield f"{path}:{node.lineno} imports `{name}`, which touches the world"  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and _called(node) == "Random" and not node.args:
            yield f"{path}:{node.lineno} makes chance without a seed"
        if isinstance(node, ast.Call) and _called(node) in WORLD_CALLS | WORLD_METHODS:
            yield f"{path}:{node.lineno} calls `{_called(node)}`, which touches the world"


def find_directions(path: str, source: str) -> Iterator[str]:
    """The import directions of architecture section 2."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    row = next((row for row in DIRECTIONS if _within(module, row[0])), None)
    if row is None:
        return
    own = ".".join(module.split(".")[:2]) if module.startswith("hub.") else module.split(".")[0]
    may = (own, *row[1], *(row[2] if touches_world(path) else ()))
    for node in ast.walk(ast.parse(source)):
        for name in _imported(node):
            ours = name.split(".")[0] in {"consent", "hub", "connectors", "schemas"}
            checks_itself = own == "hub.check" and any(_within(name, one) for one in CHECKED_CODE)
            upward = _within(name, "hub.cli") and own not in COMMANDS
            if ours and (checks_itself or upward or not any(_within(name, one) for one in may)):
                yield f"{path}:{node.lineno} imports `{name}`"  # type: ignore[attr-defined]


def find_names(path: str, source: str) -> Iterator[str]:
    """Law 8: words that name no thing, in file and class names."""
    for part in PurePosixPath(path).with_suffix("").parts:
        if FORBIDDEN_WORDS.search(part.replace("_", " ")):
            yield f"{path} is named `{part}`"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and FORBIDDEN_WORDS.search(re.sub(r"(?<!^)(?=[A-Z])", " ", node.name)):
            yield f"{path}:{node.lineno} class `{node.name}`"


def find_catch_alls(path: str, source: str) -> Iterator[str]:
    """`except Exception`, `except BaseException` and bare `except` outside RUN_LOOPS."""
    for function, node in _with_function(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and _catches_all(node) and (path, function) not in RUN_LOOPS:
            yield f"{path}:{node.lineno} catches everything in `{function}`"


def find_mocks(path: str, source: str) -> Iterator[str]:
    """No mock library, whatever it is called."""
    for node in ast.walk(ast.parse(source)):
        for name in _imported(node):
            if name in MOCKS or name.startswith("unittest.mock"):
                yield f"{path}:{node.lineno} imports `{name}`"  # type: ignore[attr-defined]
        if isinstance(node, ast.arg) and node.arg == "mocker":
            yield f"{path}:{node.lineno} asks for `mocker`"


def find_sleeps(path: str, source: str) -> Iterator[str]:
    """A test waits for an event, never for time to pass; `sleep(0)` only lets others run. Benchmarks keep a pace."""
    if path.startswith("tests/benchmarks/"):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _called(node) == "sleep":
            zero = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
            if not zero:
                yield f"{path}:{node.lineno} sleeps"


def find_undocumented(path: str, source: str) -> Iterator[str]:
    """A docstring on the module and on every public class, function and method."""
    tree = ast.parse(source)
    if not ast.get_docstring(tree):
        yield f"{path} has no docstring"
    for node in _public(tree):
        if not ast.get_docstring(node):
            yield f"{path}:{node.lineno} `{node.name}` has no docstring"


def find_untold_tests(path: str, source: str) -> Iterator[str]:
    """Every test says in its docstring what it shows."""
    functions = (
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    for node in functions:
        if node.name.startswith("test_") and not ast.get_docstring(node):
            yield f"{path}:{node.lineno} `{node.name}` does not say what it shows"


def find_codes(path: str, source: str, known: set[str]) -> Iterator[str]:
    """Every literal code of a `PunteError` has its row in `hub.errors`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _called(node) == "PunteError" and node.args:
            code = node.args[0]
            if isinstance(code, ast.Constant) and isinstance(code.value, str) and code.value not in known:
                yield f"{path}:{node.lineno} code `{code.value}` has no row"


LAWS: dict[str, Callable[[str, str], Iterator[str]]] = {
    "I/O is spelt in the file name": find_world,
    "imports keep their directions": find_directions,
    "no file or class is named after nothing": find_names,
    "only run loops catch everything": find_catch_alls,
    "modules and public names are documented": find_undocumented,
}
"""The laws of product code."""
TEST_LAWS: dict[str, Callable[[str, str], Iterator[str]]] = {
    "no mock library": find_mocks,
    "no sleep": find_sleeps,
    "every test says what it shows": find_untold_tests,
    "no file or class is named after nothing": find_names,
}
"""The laws of test code."""


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


def _imported(node: ast.AST) -> list[str]:
    """The modules an import statement names; `from a import b` counts as `a.b` too, for `b` may be a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _catches_all(node: ast.ExceptHandler) -> bool:
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    names = {one.id if isinstance(one, ast.Name) else None for one in caught}
    return node.type is None or bool(names & {"Exception", "BaseException"})


def _with_function(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the function it stands in."""
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield inside, node
        yield from _with_function(node, inside)


def _public(tree: ast.AST) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Public classes and functions, and the public methods of public classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public(node)
