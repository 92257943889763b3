# Sets everything up on a machine with Python 3.11, git and make.
PYTHON ?= python3.11
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin/sprachportal
DEMO := bot/demo/nordwind.yml
HOST ?= 127.0.0.1
PORT ?= 8080

.PHONY: run setup model test check bench clean
run: model
	$(RUN) run --demo --host $(HOST) --port $(PORT)

setup: .venv/.done

.venv/.done: uv.lock pyproject.toml
	@command -v uv >/dev/null 2>&1 || [ -x .uv/bin/uv ] || { \
	  base=$$(command -v $(PYTHON) || command -v python3); \
	  $$base -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "Error: Python 3.11 is needed"; exit 2; }; \
	  $$base -m venv .uv && .uv/bin/pip install --quiet uv; }
	$(UV) sync --frozen --python 3.11
	@touch $@

model: setup
	$(RUN) train --if-needed

test: setup
	.venv/bin/python -m pytest

check: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

bench: model
	.venv/bin/python -m bench
	.venv/bin/python -m bench.calls

clean:
	rm -rf .venv .uv var models .rasa
