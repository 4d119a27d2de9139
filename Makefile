# `make` lists the targets. They need Python 3.11 or later and set up .venv by themselves: `run` from
# requirements.lock, the others from requirements-dev.lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
RUNTIME := $(VENV)/.runtime
PIP := -m pip --disable-pip-version-check
.DEFAULT_GOAL := help
# Tests start hundreds of processes. Without bytecode each compiles copydesk anew, in a tenth of a second.
export PYTHONDONTWRITEBYTECODE :=
.PHONY: help run unit coverage test corpus exhaustive lint check docs prose-lower dist bench bench-history bench-compare profile bench-clean bench-dedupe bench-events train train-dedupe train-events faults backfill simulate soak lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-13s %s\n", $$1, $$2}' Makefile

run: $(RUNTIME) ## start everything on this machine (`copydesk up`)
	@$(BIN)/copydesk up

CORES := $(shell getconf _NPROCESSORS_ONLN)
# A worker takes seconds to collect all tests; a selection in ARGS runs in one process.
UNIT_WORKERS ?= $(if $(ARGS),0,$(CORES))
unit: $(INSTALLED) ## run the tests that start no process and no server, in under a minute
	@$(BIN)/python -m pytest -m unit -n $(UNIT_WORKERS) $(ARGS)

coverage: $(INSTALLED) ## run the unit tests; fail unless it covers every branch of the decisions
	@mkdir -p build
	@$(BIN)/python -m pytest -m unit -n $(UNIT_WORKERS) --hypothesis-seed=0 --cov --cov-report=json:build/coverage.json --cov-report= $(ARGS)
	@$(BIN)/python -m tests.tools.branch_coverage build/coverage.json

# Tests wait twice as long as they compute: four workers per core. Few tests run faster with WORKERS=0.
WORKERS ?= $(shell echo $$((4 * $(CORES))))
test: $(INSTALLED) ## run all tests; Kafka, Redis and the browser where they are installed
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 16 $(ARGS)

# tests/support/corpus.py states the sample that `make test` takes.
corpus: $(INSTALLED) ## run the tests of the corpus in ../shared on all of its files
	@$(BIN)/python -m pytest -m corpus_full $(ARGS)

exhaustive: $(INSTALLED) ## run the combinations of which `make test` takes a sample
	@COPYDESK_TEST_EXAMPLES=all $(BIN)/python -m pytest -n $(WORKERS) -m "exhaustive or examples" $(ARGS)

lint: $(INSTALLED) ## check style, spelling, prose, YAML, types and import direction
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@$(BIN)/python -m tests.tools.prose
	@$(BIN)/yamllint --strict -c .ci/yamllint.yml .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test ## run lint and test

docs: $(INSTALLED) ## check the links of the Markdown files and build build/docs/html; warnings are errors
	@$(BIN)/python -m tests.tools.links
	@$(BIN)/python -m sphinx -n -W --keep-going -q -d build/docs/doctrees docs build/docs/html

prose-lower: $(INSTALLED) ## lower the limits in tests/tools/prose.toml to the present figures
	@$(BIN)/python -m tests.tools.prose --lower

dist: $(INSTALLED) ## build wheel and sdist, install the wheel in a clean environment and try it
	@rm -rf dist build/smoke
	@$(BIN)/python -m build --no-isolation --outdir dist . > /dev/null
	@$(PYTHON) -m venv build/smoke
	@build/smoke/bin/python $(PIP) install --quiet --require-hashes -r requirements.lock
	@build/smoke/bin/python $(PIP) install --quiet --no-deps dist/*.whl
	@cd build/smoke && bin/python -I "$(CURDIR)/tests/tools/smoke.py" "$(CURDIR)" "$(CURDIR)"/dist/*.whl

bench: $(INSTALLED) ## measure throughput and latency; figures are in tests/tools/bench/README.md
	@$(BIN)/python -m tests.tools.bench $(ARGS)

# See tests/tools/bench/history/__main__.py for ARGS.
bench-history: $(INSTALLED) ## measure the tracked benchmarks, and add them to the charts of the docs
	@$(BIN)/python -m tests.tools.bench.history run $(ARGS)
	@$(BIN)/python -m tests.tools.bench.history add

bench-compare: $(INSTALLED) ## measure the tracked benchmarks; fail if a ratio to its floor is 10 % worse
	@$(BIN)/python -m tests.tools.bench.history run $(ARGS)
	@$(BIN)/python -m tests.tools.bench.history compare

# See tests/tools/profile/__main__.py for ARGS.
profile: $(INSTALLED) ## write flame graphs of desk, poller and parser, and docs/explanation/costs.md
	@$(BIN)/python -m tests.tools.profile $(ARGS)

bench-clean: $(VENV)/.peers ## compare the cleaner with other libraries, on ../shared/corpus/pages
	@$(BIN)/python -m tests.tools.bench.clean $(ARGS)

bench-dedupe: $(VENV)/.peers ## compare duplicate detection with other libraries, on ../shared/corpus/judge
	@$(BIN)/python -m tests.tools.bench.dedupe $(ARGS)

# See tests/tools/bench/event_day.py for ARGS.
bench-events: $(INSTALLED) ## group an invented day of news in eight languages by event
	@$(BIN)/python -m tests.tools.bench.event_day $(ARGS)

# See tests/tools/train/__main__.py for ARGS.
train: $(VENV)/.peers ## train the cleaner's model from ../shared/corpus/pages
	@$(BIN)/python -m tests.tools.train $(ARGS)

train-dedupe: $(VENV)/.peers ## train the duplicate model from ../shared/corpus/judge
	@$(BIN)/python -m tests.tools.train.dedupe

train-events: $(VENV)/.peers ## train the event model from ../shared/corpus/events
	@$(BIN)/python -m tests.tools.train.events

$(VENV)/.peers: $(INSTALLED) requirements-train.lock
	@$(BIN)/python $(PIP) install --quiet --no-deps --require-hashes -r requirements-train.lock
	@touch $@

# See tests/faults/__main__.py for ARGS.
faults: $(INSTALLED) ## run planted bugs, power cuts and seeded faults
	@$(BIN)/python -m pytest -m faults tests/faults
	@$(BIN)/python -m tests.faults $(ARGS)

# See tests/faults/backfill.py for ARGS.
backfill: $(INSTALLED) ## ingest 100,000 pages of ../shared with 50 kills; a repeated run continues
	@$(BIN)/python -m tests.faults.backfill build/backfill --minutes 1440 $(ARGS)

# See tests/simulation/__main__.py for ARGS.
simulate: $(INSTALLED) ## run a million simulated steps, and find all planted bugs
	@$(BIN)/python -m tests.simulation $(ARGS)
	@$(BIN)/python -m tests.simulation --bug all

# See tests/faults/soak.py for ARGS.
soak: $(INSTALLED) ## run for hours with a fault a minute
	@$(BIN)/python -m tests.faults.soak $(ARGS)

# Every package has the version and the hashes that copydesk was tested with. pip shows progress on a terminal only.
define install
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "copydesk needs Python 3.11 or later; this is %d.%d. Set PYTHON=..." % sys.version_info[:2])'
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@echo "Installing $$(grep -c '^[a-z].*==' $(1)) packages from $(1)"
	@if [ -t 1 ] && [ -z "$$CI" ]; then progress=--progress-bar=on; else progress=--quiet; fi; \
	    $(BIN)/python $(PIP) install $$progress --require-hashes -r $(1)
	@echo "Installing copydesk"
	@$(BIN)/python $(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@ $(RUNTIME)
endef

$(INSTALLED): requirements-dev.lock pyproject.toml
	$(call install,requirements-dev.lock)

$(RUNTIME): requirements.lock pyproject.toml
	$(call install,requirements.lock)

# uv keeps the versions of the present files; ARGS=--upgrade takes new ones. The dev lock is first: the others follow it.
UV_COMPILE = build/uv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command "make lock"
lock: ## resolve the lock files anew, for all platforms
	@$(PYTHON) -m venv build/uv && build/uv/bin/python $(PIP) install --quiet uv
	$(UV_COMPILE) $(ARGS) --group dev pyproject.toml -o requirements-dev.lock
	$(UV_COMPILE) -c requirements-dev.lock --group backend pyproject.toml -o requirements.lock
	$(UV_COMPILE) -c requirements-dev.lock --group backend --extra events pyproject.toml -o requirements-events.lock
	$(UV_COMPILE) $(ARGS) -c requirements-dev.lock --group train -o requirements-train.lock

clean: ## remove .venv and everything that was built
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache
