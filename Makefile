# Sets everything up on a machine with Python 3.11, git and make.
# `make run PYTHON=/path/to/python3.11` names the Python; SPRACHPORTAL_HOST and SPRACHPORTAL_PORT where to listen.
PYTHON ?= $(shell command -v python3.11 || echo python3)
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin/sprachportal
DEMO := bot/demo/nordwind.yml
SPRACHPORTAL_HOST ?= 127.0.0.1
SPRACHPORTAL_PORT ?= 8080

.PHONY: run setup model test check bench bench-nlu clean
run: model
	$(RUN) run --demo --host $(SPRACHPORTAL_HOST) --port $(SPRACHPORTAL_PORT)

setup: .venv/.done

.venv/.done: uv.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo "Error: $(PYTHON) is not Python 3.11"; \
	  echo "What to do: install Python 3.11, or name it: make run PYTHON=/path/to/python3.11"; exit 2; }
	@command -v uv >/dev/null 2>&1 || [ -x .uv/bin/uv ] || { \
	  $(PYTHON) -m venv .uv >/dev/null && [ -x .uv/bin/pip ] || { rm -rf .uv; \
	    echo "Error: $(PYTHON) comes without venv or pip"; \
	    echo "What to do: install them (Debian and Ubuntu: apt install python3.11-venv), or install uv"; exit 2; }; \
	  .uv/bin/pip install --quiet uv || { rm -rf .uv; \
	    echo "Error: pip could not install uv"; \
	    echo "What to do: look at the network and the package index that pip uses"; exit 2; }; }
	$(UV) sync --frozen --compile-bytecode --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@

model: setup
	$(RUN) train --if-needed

test: model
	.venv/bin/python -m pytest -n 2 --dist loadfile

check: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy

bench: model
	.venv/bin/python -m bench
	.venv/bin/python -m bench.calls
	.venv/bin/python -m bench.messengers

bench-nlu: setup
	.venv/bin/python -m bench.nlu $(BENCH_NLU)

clean:
	rm -rf .venv .uv var models .rasa
