#!/bin/sh
# The judge of a mutant of the decision: ends with 0 only if nothing noticed it. The quickest and sharpest question first.
set -e
PYTHON=${PYTHON:-.venv/bin/python}
export PYTHONDONTWRITEBYTECODE=1
"$PYTHON" -m tests.properties.million --decisions 12000 --records 0 --jobs 1 --seed 1
"$PYTHON" -m pytest -x -q tests/unit/test_decide_*.py tests/unit/test_validity_*.py \
  tests/unit/test_policy_lines.py tests/unit/test_policy_waivers.py tests/properties/test_release_compiled.py tests/cases tests/unit/test_policy_checks.py \
  tests/unit/test_policy_readback.py tests/properties/test_decision_denials.py tests/properties/test_dutylines_floor.py \
  tests/properties/test_redlines_widening.py
"$PYTHON" -m tests.properties.million --decisions 40000 --records 0 --jobs 1 --seed 2
