"""The size budget of the house style: small files, small functions, few parameters."""

import ast
from collections.abc import Iterator
from statistics import median, quantiles

FILE_MOST, FILE_MEDIAN = 400, 150
BODY_MOST, BODY_P90, BODY_MEDIAN = 50, 25, 6
PARAMETERS_MOST = 6


def find_oversize(path: str, source: str) -> Iterator[str]:
    """Files, functions and parameter lists beyond what any one of them may have."""
    lines = source.count("\n")
    if lines > FILE_MOST:
        yield f"{path} has {lines} lines"
    for node in functions(source):
        if body_lines(node) > BODY_MOST:
            yield f"{path}:{node.lineno} `{node.name}` has {body_lines(node)} lines"
        if parameters(node) > PARAMETERS_MOST:
            yield f"{path}:{node.lineno} `{node.name}` has {parameters(node)} parameters"


def find_crowd(sources: dict[str, str]) -> Iterator[str]:
    """Medians and ninetieth percentiles over all files together."""
    files = [source.count("\n") for source in sources.values() if source.strip()]
    bodies = [body_lines(node) for source in sources.values() for node in functions(source)]
    if median(files) > FILE_MEDIAN:
        yield f"the median file has {median(files)} lines"
    if median(bodies) > BODY_MEDIAN:
        yield f"the median function has {median(bodies)} lines"
    if quantiles(bodies, n=10)[-1] > BODY_P90:
        yield f"one function in ten has more than {quantiles(bodies, n=10)[-1]:.0f} lines"


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Parameters a caller gives: all but `self` and `cls`."""
    spelt = node.args
    every = [*spelt.posonlyargs, *spelt.args, *spelt.kwonlyargs, *filter(None, [spelt.vararg, spelt.kwarg])]
    return len([one for one in every if one.arg not in {"self", "cls"}])
