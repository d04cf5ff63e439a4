"""Take the mutants out of a cosmic-ray session that change only a type annotation: nothing ever evaluates those.

python -m tests.mutation.annotations SESSION.sqlite
"""

from __future__ import annotations

import ast
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

SPECS = "select job_id, module_path, start_pos_row, start_pos_col from mutation_specs"
SKIP = "insert or ignore into work_results (job_id, worker_outcome, output) values (?, 'SKIPPED', 'an annotation')"


def found_in(source: str) -> Iterator[ast.expr]:
    """Every annotation of a module that delays them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            yield node.returns
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            yield node.annotation


def within(node: ast.expr, row: int, column: int) -> bool:
    """Whether a position of the source lies in a node."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return (node.lineno, node.col_offset) <= (row, column) < (node.end_lineno, node.end_col_offset)


def main(session: str) -> int:
    """Skip them; the number that is left is printed."""
    with sqlite3.connect(session) as work:
        rows = work.execute(SPECS).fetchall()
        found = {path: list(found_in(Path(path).read_text("utf-8"))) for path in {row[1] for row in rows}}
        skipped = [job for job, path, row, column in rows if any(within(each, row, column) for each in found[path])]
        work.executemany(SKIP, [(job,) for job in skipped])
    print(f"{len(rows) - len(skipped)} mutants, {len(skipped)} more in annotations are skipped")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
