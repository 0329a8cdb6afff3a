# Two commands are enough: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test test-system check format up bench chaos fuzz-answers histories lock screenshots clean

help:  ## List what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("sparkads needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## A whole midnight release against a pretended TikTok, in about a minute
	@$(BIN)/python -m demo $(ARGS)

test: $(READY)  ## All tests, on a real Temporal server and PostgreSQL
	@$(BIN)/python -m pytest --ignore=tests/system -n 3 --dist loadfile $(ARGS)

test-system: $(READY)  ## Tests that also need Chromium, zbarimg, Node.js and npm, and a package registry
	@$(BIN)/python -m pytest tests/system $(ARGS)

check: $(READY)  ## Lint, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY)  ## Format the code
	@$(BIN)/ruff check --fix-only --quiet . || true
	@$(BIN)/ruff format .

up: $(READY)  ## The local stack until Ctrl-C; its data stays in .local/
	@$(BIN)/python -m workers local

bench: $(READY)  ## Publish beside a plain script, DBOS and Celery (ARGS=limits|access|release: other subjects)
	@$(BIN)/python -m bench $(ARGS)

chaos: $(READY)  ## A release under misfortune, judged at the end (ARGS="--targets 400 --accounts 40 --seed 11")
	@$(BIN)/python -m chaos $(ARGS)

fuzz-answers: $(READY)  ## Releases and Business Centers while answers are made odd by seed (ARGS="--seeds 1-300", "--seed 17")
	@$(BIN)/python -m fuzz $(ARGS)

screenshots: $(READY)  ## Make the pictures of the documentation again (needs Chromium)
	@$(BIN)/python -m docs.screenshots

histories: $(READY)  ## Record the histories that are replayed, after a workflow was changed
	@$(BIN)/python -m tests.guards.record $(ARGS)

lock: $(READY)  ## Pin the dependencies again
	@$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra app -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet -o requirements-server.lock
	$(BIN)/uv pip compile tests/system/tiktok_business_api/requirements.in -c requirements.lock --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet -o tests/system/tiktok_business_api/requirements.lock

clean:  ## Remove the virtual environment and local data
	rm -rf .venv .venv-bench .local
