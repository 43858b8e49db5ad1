# Two commands: `make demo` watches four services verify a document and a face; `make test` runs every test.
# Both set up what they need.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: demo test bench lint

demo:
	cargo run --release --quiet -- demo

test: redis-server
	@# Tests that need the networks skip, and say so, where these could not be had.
	cargo run --quiet --package cli -- models fetch || echo "models are not here: the tests that need them will skip"
	cargo test --workspace --lib --bins --tests

# The tests of the Redis storage start a private redis-server on loopback.
.PHONY: redis-server
redis-server:
	@command -v redis-server >/dev/null || ./scripts/install-redis

bench:
	cargo bench --package vision
	cargo bench --package e2e-tests
	cargo bench --package report-svc

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings

# Resident memory of each service while verifications run.
.PHONY: memory
memory:
	cargo build --release --workspace --bins
	./scripts/measure_memory.sh
