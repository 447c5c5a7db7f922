# Two commands for newcomers: `make demo` and `make test`. Everything they need, they install into .venv.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# Tests wait more than they compute, so they run in twice as many processes as there are processors (WORKERS=0: in one, as with a real
# Cells). They share nothing but what lies in this folder.
WORKERS ?= $(if $(CELLS_URL),0,$(shell expr 2 "*" $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)))
PYTEST := $(PY) -m pytest -n $(WORKERS) --dist worksteal

.PHONY: demo test lint fuzz scale sweep fault-proxy contract bench fixtures audit lock clean

demo: $(VENV)/.run
	$(PY) run_migration.py demo

test: $(VENV)/.test
	$(PY) -m ruff check .
	$(PYTEST)

$(VENV)/.run: requirements.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

$(VENV)/.test: tests/requirements.txt $(VENV)/.run
	$(PY) -m pip install -q --disable-pip-version-check --require-hashes -r tests/requirements.txt
	touch $@

lint: $(VENV)/.test
	$(PY) -m ruff check .

# Long forms. MIGRATE_EXAMPLES sets how many inputs each property is tried with (the short form in `make test` uses 50 or so).
fuzz: $(VENV)/.test
	MIGRATE_EXAMPLES=$${MIGRATE_EXAMPLES:-2000} $(PYTEST) tests -m "fuzz or hypothesis"

# 100,000 people and a million files: memory stays flat and time grows with the size. Takes a while, and a few GB of disk.
scale: $(VENV)/.test
	MIGRATE_SCALE=$${MIGRATE_SCALE:-100000} $(PY) -m pytest tests/extract/test_scale.py -s

# A run killed before and after every single request, and the like. Long: MIGRATE_SHARE=1/4 makes a quarter of it.
sweep: $(VENV)/.test
	MIGRATE_SWEEP=all $(PYTEST) -rP tests/faults

# A bad line between the tool and a real Cells that may be spoilt: CELLS_URL=http://... CELLS_TOKEN=... make fault-proxy
fault-proxy: $(VENV)/.test
	$(PY) -m pytest -s tests/faults/test_proxy.py tests/faults/test_real_cells.py

# The same promises asked of a real Cells: CELLS_URL=https://... CELLS_TOKEN=... make contract
contract: $(VENV)/.test
	$(PY) -m pytest tests/contract

bench: $(VENV)/.test
	for file in tests/bench/bench_*.py; do PYTHONPATH=. $(PY) $$file || exit 1; done

fixtures: $(VENV)/.test
	PYTHONPATH=. $(PY) -m fixtures.build

# Pins, hashes, licences, and what advisory services know of the dependencies. AUDIT=strict: not being answered is an error, too.
AUDIT_VENV := .venv/audit
audit: $(VENV)/.test
	test -x $(AUDIT_VENV)/bin/pip-audit || { $(PYTHON) -m venv $(AUDIT_VENV) && $(AUDIT_VENV)/bin/python -m pip install -q \
		--disable-pip-version-check --require-hashes -r tests/audit/requirements.txt; } || rm -rf $(AUDIT_VENV)
	$(PY) tests/audit/audit.py $(AUDIT_VENV)/bin/pip-audit

lock:
	$(PYTHON) -m pip install -q uv
	uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-header --no-annotate requirements.in -o requirements.txt
	uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-header --no-annotate tests/requirements.in -o tests/requirements.txt
	uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-header --no-annotate tests/audit/requirements.in -o tests/audit/requirements.txt

clean:
	rm -rf $(VENV) demo-migration .pytest_cache .hypothesis .ruff_cache
