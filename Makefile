.PHONY: check test lint types format

check: test lint types

test:
	pytest

lint:
	ruff check .
	ruff format --check .

types:
	mypy

format:
	ruff check --fix .
	ruff format .
