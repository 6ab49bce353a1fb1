.PHONY: check lint types test format

check: lint types test  ## what CI does

lint:
	ruff check .
	ruff format --check .

types:
	mypy

test:
	pytest -n 2 --dist worksteal

format:
	ruff format .
	ruff check --fix .
