# make demo   plays a whole e-discussion on this machine and leaves it in demo-discussion/
# make test   installs what is missing and runs every check
SHELL := /bin/bash
VENV := .venv
PYTHON ?= python3

.PHONY: demo test check format setup

demo: $(VENV)/ready
	$(VENV)/bin/m4dbot demo demo-discussion

test: $(VENV)/ready
	scripts/servers
	scripts/check

# Everything but the set-up of servers; for use while working.
check: $(VENV)/ready
	scripts/check

format: $(VENV)/ready
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

setup: $(VENV)/ready

$(VENV)/ready: requirements.lock pyproject.toml
	PYTHON=$(PYTHON) scripts/setup $(VENV)
	touch $@
