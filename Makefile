# `make demo` and `make test` need Python 3.11+, pip and make; everything else they set up in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := demo
DIST   := dist

.PHONY: help demo test slow lint bench docs wheel lowest clean
help:
	@echo "make demo    memorize a real table of facts, recall three of them, write a report"
	@echo "make test    set up and run every test (make slow: the long ones)"
	@echo "make lint    ruff and mypy"
	@echo "make bench   time and memory of the benchmarks"
	@echo "make docs    the documentation, in site/; fails on a public name that it does not show"
	@echo "make wheel   build dist/, install wheel and source, and use them away from the checkout"
	@echo "make lowest  the same with the lowest versions of what attncap needs"

$(VENV)/.data: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "attncap needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	@echo "Setting up $(VENV) (about a minute; only the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[data]'
	@touch $@

$(VENV)/.dev: $(VENV)/.data
	@echo "Adding the developers' tools to $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[data,dev]'
	@touch $@

demo: $(VENV)/.data
	@$(BIN)/python examples/demo.py $(DEMO)

test: $(VENV)/.dev
	@$(BIN)/python -m pytest -q

slow: $(VENV)/.dev
	@$(BIN)/python -m pytest -q -n 0 -m slow

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/.dev
	@$(BIN)/python -m benchmarks

docs: $(VENV)/.dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site
	@echo "The documentation: site/index.html"

$(DIST)/.built: $(VENV)/.dev pyproject.toml README.md LICENSE $(shell find attncap -name '*.py' -o -name '*.html' -o -name '*.css' -o -name '*.js' -o -name '*.csv')
	@rm -rf $(DIST)
	@$(BIN)/python -m build --outdir $(DIST) . > /dev/null
	@touch $@

# The wheel and the source distribution install the same package, which is then used away from the checkout.
wheel: $(DIST)/.built
	@rm -rf $(DIST)/installed $(DIST)/source
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(DIST)/installed $(DIST)/*.whl
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(DIST)/source $(DIST)/*.tar.gz
	@diff -r --exclude=__pycache__ $(DIST)/installed/attncap $(DIST)/source/attncap
	@PYTHONPATH=$(CURDIR)/$(DIST)/installed .ci/outside $(CURDIR)/$(BIN)/python

lowest: $(DIST)/.built
	@.ci/lowest $(BIN)/python $(DIST)/*.whl

clean:
	rm -rf $(VENV) $(DEMO) $(DIST) site .mypy_cache .ruff_cache .pytest_cache .hypothesis
