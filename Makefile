# Two commands: `make demo` watches four services verify a document and a face; `make test` runs every test.
# Both set up what they need.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: demo test bench bench-peers lint

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
	cargo bench --package e2e-tests --bench verification

# Beside onnxruntime, OpenCV and rapidocr, on the same pictures with the same weights: a table, and rows in results.json there.
PEERS := target/bench-peers
bench-peers: $(PEERS)/venv/ready
	cargo bench --package e2e-tests --bench peers --no-run
	$(PEERS)/venv/bin/python scripts/bench_peers.py $(PEERS)

$(PEERS)/venv/ready: scripts/bench_peers_requirements.txt
	python3 -m venv --clear $(PEERS)/venv
	$(PEERS)/venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --requirement $<
	touch $@

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
