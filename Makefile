# Every target works from a fresh clone: dev/scripts/setup installs what is missing.

# With it each command would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON_OF_VENV := .venv/bin/python
# The schema must be the same everywhere, whatever database the shell is set up for.
MANAGE := env -u DATABASE_URL -u DATABASE_URL_FILE $(PYTHON_OF_VENV) manage.py
SCHEMA := docs/openapi.yaml

.DEFAULT_GOAL := help
.PHONY: help run test test-large check bench fuzz pdf-check focus-check docs clean setup-test

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) \
		| awk -F ':.*## ' '{ printf "make %-10s %s\n", $$1, $$2 }'

run: ## Start the product with demo data on http://localhost:8080 (PORT=... for another)
	@exec dev/scripts/run

test: ## Run the checks and the tests, on each database there is (ARGS="-k word")
	@dev/scripts/test $(ARGS)

test-large: ## The same with large sizes of random work, everything on each database
	@COSTOPS_TESTS=large dev/scripts/test $(ARGS)

check: ## Run everything but the tests: format, lint, types, migrations, schema
	@dev/scripts/check

bench: setup-test ## Run the benchmarks (see dev/benchmarks/README.md)
	$(PYTHON_OF_VENV) -m dev.benchmarks $(ARGS)

fuzz: ## Send the API requests made from its schema (FUZZ_MINUTES=5)
	@exec dev/scripts/fuzz

pdf-check: ## Have a checker of PDF/UA look at reports
	@exec dev/scripts/pdf_check

focus-check: ## Have FOCUS' own validator read exports, sound and spoilt ones
	@exec dev/scripts/focus_check

docs: setup-test ## Write docs/openapi.yaml and the SDK's types of answers anew
	@fresh=$$(mktemp); trap 'rm -f "$$fresh"' EXIT; \
	$(MANAGE) spectacular --validate --fail-on-warn --file "$$fresh" \
		&& cat "$$fresh" > $(SCHEMA)
	@env -u DATABASE_URL -u DATABASE_URL_FILE $(PYTHON_OF_VENV) -m dev.sdk_types

clean: ## Remove .venv and caches; data in var/ stays
	rm -rf .venv .venv-focus .venv-fuzz .venv-pdf .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache .coverage staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup-test:
	@dev/scripts/setup test
