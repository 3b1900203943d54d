# `make` lists what there is to do. Every target that needs .venv makes it first.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8000
JOBS ?= 4
FUZZ_SECONDS ?= 60

BIN := .venv/bin
PYTEST = $(BIN)/python -m pytest
READY := .venv/.ready

export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1
export PYRIGHT_PYTHON_GLOBAL_NODE := 1

.DEFAULT_GOAL := help
.PHONY: help setup system demo test check check-all fuzz static format lint types mypy pyright rings fresh-coverage floors docs docs-serve docs-check bench bench-compare lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## prepare .venv from requirements.lock; the others call it

$(READY): requirements.lock pyproject.toml scripts/setup.sh tests/browser/package-lock.json
	@bash scripts/setup.sh "$(PYTHON)"

demo: setup ## start a server on http://127.0.0.1:8000 (PORT=) whose front page says what to try
	@$(BIN)/admit demo --port $(PORT)

system: ## install the system's programs that some tests start (nginx, Chromium, curl), if we may
	@bash scripts/system.sh

test: setup system ## run the tests; the last line counts them
	@echo "== tests, scale $${ADMIT_TEST_SCALE:-check}"
	@$(PYTEST) -q -n $(JOBS) --maxschedchunk 16

check: PYTEST := $(BIN)/coverage run -m pytest
check: setup static fresh-coverage test floors ## everything CI asks for; the tests with coverage

check-all: export ADMIT_TEST_SCALE := all
check-all: export PYTEST_TIMEOUT := 7200
check-all: check fuzz ## the same with the large numbers of tests/counts.py, and a minute of fuzzing

fuzz: setup ## feed the parsers what a fuzzer thinks of, FUZZ_SECONDS= (60) long
	@echo "== fuzzing for $(FUZZ_SECONDS) s; what it found interesting stays in build/fuzz"
	@mkdir -p build/fuzz
	@$(BIN)/python tests/fuzz/parsers.py -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -verbosity=0 \
		-artifact_prefix=build/fuzz- build/fuzz

# Two at once: each of the type checkers keeps one processor busy for a minute.
static: setup
	@$(MAKE) --no-print-directory --output-sync=target --jobs=2 lint pyright mypy rings docs-check

format: setup ## write the code as the formatter wants it
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: setup ## formatting and lint
	@echo "== format and lint"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

types: mypy pyright ## mypy and pyright, both strict

mypy: setup
	@echo "== types: mypy"
	@$(BIN)/mypy

pyright: setup
	@echo "== types: pyright"
	@command -v node >/dev/null || { echo "pyright runs on Node: install it (apt-get install nodejs)"; exit 1; }
	@$(BIN)/pyright

rings: setup ## who may import whom
	@echo "== import rings"
	@$(BIN)/lint-imports

fresh-coverage:
	@rm -rf .coverage && mkdir .coverage

floors: setup ## is as much covered as has to be? (after check)
	@$(BIN)/python scripts/floors.py

docs: setup ## write the generated pages of docs/reference/, and build the site into build/site
	@$(BIN)/python scripts/reference.py
	@$(BIN)/python scripts/site.py

docs-serve: setup ## show the site on loopback, and build again what changes
	@$(BIN)/python scripts/site.py --serve

docs-check: setup ## the generated pages are current, and the site has no link that leads nowhere
	@echo "== docs"
	@$(BIN)/python scripts/reference.py --check
	@$(BIN)/python scripts/site.py

bench: setup ## the benchmarks, BENCH="verify guard" or all (20 min, on a quiet machine), and one table of all ratios
	@$(BIN)/python bench/together.py $(BENCH)

bench-compare: setup ## what the last `make bench` changed since bench/baseline.json, ratio by ratio
	@$(BIN)/python bench/compare.py


lock: setup ## renew requirements.lock and bench.lock from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--all-extras --group dev pyproject.toml -o requirements.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--all-extras --group bench pyproject.toml -o bench.lock

clean: ## remove what the tools left behind; var/ stays
	@rm -rf .venv .bench .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
