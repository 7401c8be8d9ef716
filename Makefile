.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test chaos killed coverage unit bench bench-compare scale mutants check lint format types arrows package wheel image image-context bare page e2e crosscheck site cast pictures screenshots setup clean actionlint sbom release audit FORCE

RUN := .venv/bin/
DIST := dist
CONTAINER := docker
version = $(shell $(RUN)keyturn --version | cut -d' ' -f2)
# What is given and not switched off: RECORD=0 is no.
on = $(filter-out 0 no off false,$(1))
# The command line's libraries, by version and hash. Without a heading, which would name the folder.
requirements = $(RUN)uv export --quiet --frozen --no-dev --no-emit-project --no-header --output-file $(1)/requirements.txt >/dev/null
long = $(if $(filter-out long,$(BENCH)),$(error BENCH=$(BENCH): must be long, or not given),$(if $(BENCH),--long))

# Nothing but uv.lock may choose what is installed, and nothing but tools/python.sh which Python runs.
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
# Without bytecode every process that a test starts compiles every library again.
unexport VIRTUAL_ENV PYTHONPATH PYTHONDONTWRITEBYTECODE

help:       ## list the commands
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## /{printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready       ## play an organisation through its days on this machine, into demo/
	$(RUN)keyturn demo -o demo

test: .venv/ready       ## run the tests; make test T=tests/domain for some
	$(RUN)pytest -q -n 2 --dist loadfile $(T)

coverage: .venv/ready   ## run the tests on one core, and say which lines they miss
	$(RUN)coverage run -m pytest -q $(T) && $(RUN)coverage report

chaos: .venv/ready      ## break every call in every way; LONG=1 for far more, T="-k NAME" for one
	CHAOS=$(if $(call on,$(LONG)),long,ci) $(RUN)pytest -q -n 2 --dist loadgroup --no-loadscope-reorder tests/chaos $(T)

killed: .venv/ready     ## end `keyturn rehearse` at each of its calls, in four ways: story and probes
	$(RUN)python -m tests.rehearsal.killed 1 story
	$(RUN)python -m tests.rehearsal.killed 1 probes

unit: .venv/ready       ## run the tests of the rule alone: seconds
	$(RUN)pytest -q tests/domain

bench: .venv/ready      ## say what a day takes, in calls, time and memory; B="quiet all" for some, BENCH=long for every size, PAGES=1 for large pages
	$(RUN)python -m tests.bench $(if $(call on,$(PAGES)),pages) $(B) $(long)

bench-compare: .venv/ready  ## the same, as ratios to tests/bench/baseline.json, or, with BASE=path-or-commit, to another checkout in turns
	$(RUN)python -m tests.bench $(B) $(long) --compare $(if $(BASE),--base $(BASE)) $(if $(call on,$(RECORD)),--record)

scale: .venv/ready      ## simulate a day of 10,000 accounts into docs/scale.md, and hold it against 500 in the local queue; CALIBRATE=1 measures first
	CALIBRATE=$(if $(call on,$(CALIBRATE)),1) $(RUN)python -m tests.scale

mutants: .venv/ready    ## break the engine on purpose, and see each break caught; RANDOM=60 draws breaks, SEED=… the same again
	$(RUN)python -m tests.mutants.$(if $(RANDOM),drawn $(RANDOM) $(if $(SEED),--seed $(SEED)),run) $(M)

check: lint types arrows  ## all that CI does before the tests

lint: .venv/ready       ## look for what `make format` would change, or cannot mend
	$(RUN)ruff format --check --quiet && $(RUN)ruff check --quiet && $(RUN)cfn-lint && $(RUN)hadolint Containerfile
	@$(RUN)shellcheck tools/*.sh .ci/run
	@$(RUN)check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml docs/ci/github-actions.yml
	@$(RUN)check-jsonschema --quiet --builtin-schema vendor.gitlab-ci docs/ci/gitlab-ci.yml
	@$(RUN)check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@said=$$($(RUN)zizmor --quiet --offline --persona=pedantic .github docs/ci/github-actions.yml) || { echo "$$said"; exit 1; }

# Its package takes the program from GitHub while it is installed, so it is not in .venv, nor in `make lint`.
actionlint: .venv/ready ## look at the workflows' expressions; GitHub has to be within reach
	@$(RUN)uv run --quiet --frozen --isolated --only-group github actionlint -shellcheck $(RUN)shellcheck

format: .venv/ready     ## tidy and lint
	$(RUN)ruff format && $(RUN)ruff check --fix

types: .venv/ready      ## check the types, here and as on Windows
	$(RUN)mypy && $(RUN)mypy --platform win32 --cache-dir .mypy_cache/win32 src

arrows: .venv/ready     ## check who imports whom
	$(RUN)lint-imports --no-cache

package: .venv/ready    ## build the functions' zips into Lambda/
	@$(RUN)python tools/package.py

wheel: .venv/ready      ## build the wheel and the source distribution into dist/, with all that an installation brings along
	@$(RUN)python -m tools.wheel $(DIST)

image: wheel image-context    ## build the container image for CI systems (docs/ci.md); CONTAINER=podman for another tool
	$(CONTAINER) build --build-arg VERSION=$(call version) --file Containerfile --tag keyturn:$(call version) .

# What the Containerfile copies; where there is no wheel, one with which nobody can deploy.
image-context: .venv/ready
	@ls $(DIST)/keyturn-*.whl >/dev/null 2>&1 || $(RUN)uv build --quiet --wheel --out-dir $(DIST)
	@$(call requirements,$(DIST))

bare: .venv/ready       ## install the wheel on bare Pythons and type the README's lines there; LONG=1: each installer on each Python
	BARE=$(if $(call on,$(LONG)),long,ci) $(RUN)pytest -v -rs tests/bare

sbom: .venv/ready       ## say what the wheel and the zips in dist/ are made of, as CycloneDX beside them
	@$(RUN)python -m tools.sbom dist

# The commit's time, for what cannot do without one: everybody builds the same bytes.
release: export SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct 2>/dev/null)
release: .venv/ready    ## build all that a release holds into dist/: wheel, sdist, zips, what they are made of, its libraries' hashes, checksums
	@rm -rf dist
	@$(RUN)python -m tools.wheel dist
	@$(RUN)python tools/package.py dist
	@$(RUN)python -m tools.sbom dist
	@$(call requirements,dist)
	@$(RUN)python tools/release.py sums dist

audit: .venv/ready      ## ask OSV for known weaknesses of what uv.lock names; it has to be within reach
	@sh tools/audit.sh $(RUN)uv

page:       ## build the page's script and style from web/ (needs node 20); they are committed
	@cd web && npm ci --silent --ignore-scripts && node node_modules/esbuild/install.js && npm run --silent build

# Everything outside the product runs in an environment of its own there: tests/e2e/pyproject.toml.
e2e: .venv/ready tests/e2e/.venv/ready  ## deploy to an AWS on this machine that enforces IAM, and live a key's life in it
	$(RUN)pytest -v -x tests/e2e  # one story: what follows a failure only repeats it

tests/e2e/.venv/ready: tests/e2e/pyproject.toml tests/e2e/uv.lock | .venv/ready
	@UV_PROJECT_ENVIRONMENT=.venv $(RUN)uv sync --quiet --frozen --project tests/e2e --python "$$(sh tools/python.sh)"
	@touch $@

# Cloud Custodian pins another boto3 than ours: an environment and a lock of its own, as above.
crosscheck: .venv/ready tests/crosscheck/.venv/ready  ## let Cloud Custodian look at the demo's organisation, and compare our reports: minutes
	@$(RUN)python -m tests.crosscheck.run

tests/crosscheck/.venv/ready: tests/crosscheck/pyproject.toml tests/crosscheck/uv.lock | .venv/ready
	@UV_PROJECT_ENVIRONMENT=.venv $(RUN)uv sync --quiet --frozen --project tests/crosscheck --python "$$(sh tools/python.sh)"
	@touch $@

# Sphinx, too: `make setup` does not grow by it.
site: .venv/ready tools/manual/.venv/ready  ## build the manual as a site, into site/, and check it
	@$(RUN)python -m tools.manual.stage .site
	@tools/manual/.venv/bin/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going --jobs 2 -c tools/manual .site site
	$(RUN)pytest -q -n 2 tests/site

tools/manual/.venv/ready: tools/manual/pyproject.toml tools/manual/uv.lock | .venv/ready
	@UV_PROJECT_ENVIRONMENT=.venv $(RUN)uv sync --quiet --frozen --project tools/manual --python .venv/bin/python
	@touch $@

cast: .venv/ready tools/manual/.venv/ready  ## record the manual's commands as they run, into docs/casts/
	@$(RUN)python -m tools.manual.record
	@tools/manual/.venv/bin/python tools/manual/cast.py docs/casts/*.cast

screenshots: .venv/ready  ## photograph the demo's page and the mails, into docs/pictures/
	@$(RUN)python -m tools.manual.screenshots

pictures: .venv/ready   ## draw the manual's diagrams, into docs/pictures/ (needs node 20)
	@cd tools/manual && npm ci --silent --ignore-scripts
	@$(RUN)python -m tools.manual.picture
	@$(RUN)python -m tools.manual.diagrams

setup: .venv/ready      ## make .venv; make setup PYTHON=python3.11 to choose the Python

clean:      ## take away what these commands made
	rm -rf .venv web/node_modules tests/e2e/.venv tests/crosscheck/.venv tools/manual/.venv tools/manual/node_modules .site site .mutants demo dist Lambda .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

# An environment of another Python is made anew; otherwise it is only brought up to date.
.venv/ready: pyproject.toml uv.lock tools/python.sh tools/uv.txt $(if $(PYTHON),FORCE)
	@set -e; python=$$(sh tools/python.sh "$(PYTHON)"); \
	home() { "$$1" -c 'import sys; print(sys.base_prefix, sys.version)' 2>/dev/null; }; \
	if [ "$$(home .venv/bin/python)" != "$$(home "$$python")" ]; then \
	  echo "making .venv with $$python"; "$$python" -m venv --clear .venv; \
	fi
	@$(RUN)python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tools/uv.txt
	@$(RUN)uv sync --quiet --frozen --all-extras --python .venv/bin/python
	@touch $@
