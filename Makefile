# What a developer types. Every target makes its own .venv when it is missing, or when pyproject.toml or constraints.txt changed.
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BENCHMARKS := $(patsubst benchmarks/bench_%.py,bench-%,$(sort $(wildcard benchmarks/bench_*.py)))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test slow check format generated bench clean

help: ## say what can be typed
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The version of torch stands in constraints.txt; it comes first because it is by far the largest.
$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet torch -c constraints.txt
	$(BIN)/python -m pip install --quiet -e '.[dev]' -c constraints.txt
	touch $@

demo: $(READY) ## a bundled base fails, is tuned in front of you, and answers: three minutes, offline
	$(BIN)/didact quickstart

# One thread for each of the two workers: threads that wait for busy cores cost more than they bring.
test: $(READY) ## run the tests, without the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow"

slow: $(READY) ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow

check: $(READY) ## formatting, lint, types, and whether the generated pages are up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tools/generated.py --check

format: $(READY) ## format the code and put right what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generated: $(READY) ## write docs/recipe.md, docs/help.md and the file tree of README.md anew
	$(BIN)/python tools/generated.py

bench: $(BENCHMARKS) ## run every benchmark; one of them: make bench-NAME

bench-%: benchmarks/bench_%.py $(READY)
	$(BIN)/python $<

clean: ## remove .venv and build products; runs/ is never touched
	rm -rf .venv build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./runs -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
