# Everything a newcomer types. Only Python 3.11 or newer and make are needed for `run` and `test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: setup run test test-spark test-postgres support lint bench clean

# `make setup`: the runtime in .venv; quick when nothing changed.
setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) was found. Name another: make PYTHON=python3.12 setup"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable .
	@# Without its dependencies: it asks for all of PySpark, whose client is here already.
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --no-deps delta-spark
	@touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[$*]'
	@touch $@

# `make run`: the whole platform on the sample that this repository ships. ARGS="…" adds options.
run: setup
	@$(BIN)/reelhouse run --mirror data/sample $(ARGS)

# `make test`: needs Python alone. Tests of the real files run when NETFLIX_DATA names their folder.
test: $(VENV)/.installed-test
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

# `make test-spark`: the parity tests against Apache Spark 4.2 with Delta; needs Java 17 and Maven.
test-spark: $(VENV)/.installed-test
	@$(BIN)/python tools/spark_connect.py run -- $(BIN)/python -m pytest -m spark $(ARGS)

# `make test-postgres`: the history of runs in PostgreSQL; installs Debian's package when it is missing.
test-postgres: $(VENV)/.installed-test $(VENV)/.installed-postgres
	@$(BIN)/python tools/postgres.py $(BIN)/python -m pytest -m postgres $(ARGS)

# `make support`: docs/support.md, from the marks of the tests.
support: $(VENV)/.installed-test
	@$(BIN)/python tools/support_table.py

# Types of what tests need are looked up too, because the pytest plugin uses it.
lint: $(VENV)/.installed-lint $(VENV)/.installed-test
	@$(BIN)/ruff check src tests data bench tools databricks
	@$(BIN)/ruff format --check src tests data bench tools databricks
	@$(BIN)/mypy

bench: $(VENV)/.installed-bench
	@$(BIN)/python -m bench.run $(ARGS)

clean:
	@rm -rf .reelhouse .spark $(VENV)
