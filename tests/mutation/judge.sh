#!/bin/sh
# The judge of a mutant of the decision: ends with 0 only if nothing noticed it. The quickest and sharpest question first.
set -e
PYTHON=${PYTHON:-.venv/bin/python}
"$PYTHON" -m tests.properties.million --decisions 8000 --records 0 --jobs 1 --seed 1
"$PYTHON" -m pytest -x -q tests/cases tests/unit/test_decide_*.py tests/unit/test_validity_*.py \
  tests/properties/test_decision_denials.py tests/properties/test_dutylines_floor.py tests/properties/test_model_agrees.py \
  tests/unit/test_policy_*.py tests/properties/test_redlines_widening.py
