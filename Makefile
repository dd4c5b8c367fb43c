# Two commands do everything, set-up included: `make quickstart` and `make test`.

.PHONY: quickstart test check clean

quickstart:
	@scripts/venv bench
	.venv/bin/tonnage quickstart

test:
	@scripts/venv bench,dev
	.venv/bin/pytest

check:
	@scripts/venv bench,dev
	scripts/check

clean:
	rm -rf .venv build dist
