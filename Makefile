# GridTwin needs Rust 1.95 or newer, and Node 20.19 or newer for the web app. `make help` lists the targets.
# CARGO_TARGET_DIR decides where build products go (default: ./target).

CARGO ?= cargo
NPM ?= npm
DATA ?= data
PORT ?= 8080
QUICK = $(CARGO) build --profile quick -p gridtwin --features gridtwin/sql
FUZZ_TARGET ?= opendss_reader
FUZZ_SECONDS ?= 600

.DEFAULT_GOAL := help
.PHONY: help web build run test e2e api-test bench soak fuzz fmt lint clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(firstword $(MAKEFILE_LIST)) | sed -E 's/:[^#]*##/\t/' | expand -t 10

web: web/dist/index.html ## the web app, as web/dist, which the program carries in itself

# npm writes this file last: newer than the lock file, it says that what is installed is what the lock file names.
web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	touch $@

web/dist/index.html: web/node_modules/.package-lock.json web/index.html web/vite.config.ts web/tsconfig.json $(shell find web/src web/public -type f 2>/dev/null)
	cd web && $(NPM) run build

build: web ## the whole program, with SQL, as target/full/gridtwin (long: it builds the query engine)
	$(CARGO) build --profile full -p gridtwin --features gridtwin/sql

run: ## build the program with its web app, make a demonstration, serve it (DATA=folder PORT=n for others)
	@# The first time, the web app is fetched and built while the other crates are; the crate that holds it waits for it
	@# (crates/server/build.rs). Later it comes first, so that Cargo sees what is new in it.
	@if [ -f web/dist/index.html ]; then $(MAKE) --no-print-directory web && $(QUICK); else \
		$(MAKE) --no-print-directory web & web=$$!; \
		GRIDTWIN_WEB_PROCESS=$$web $(QUICK) || { wait $$web; exit 1; }; \
		wait $$web; \
	fi
	"$${CARGO_TARGET_DIR:-target}"/quick/gridtwin serve --data $(DATA) --port $(PORT) --demo

test: web ## formatting, clippy without warnings, every test; beside a PostgreSQL and an S3 server, telecontrol peers and a Chromium that are fetched for it (scripts/)
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --workspace --all-targets --features gridtwin/cluster -- -D warnings
	S3_TEST_VENV="$${CARGO_TARGET_DIR:-target}"/s3-venv SCADA_TEST_VENV="$${CARGO_TARGET_DIR:-target}"/scada-venv scripts/with-postgres.sh scripts/with-s3.sh scripts/with-scada-peers.sh $(CARGO) test --workspace --features gridtwin/cluster
	cd web && $(NPM) run check
	scripts/with-chromium.sh node web/e2e/run.mjs --binary "$${CARGO_TARGET_DIR:-target}"/debug/gridtwin --no-large --quick
	API_TEST_VENV="$${CARGO_TARGET_DIR:-target}"/api-venv scripts/api-test.sh "$${CARGO_TARGET_DIR:-target}"/debug/gridtwin 5

bench: ## speed and agreement against OpenDSS and power-grid-model, and a thousand feeder-years (needs Python 3.11 or newer and the network once)
	bench/run.sh

e2e: web ## every page in a browser, light and dark, and a map of a hundred thousand elements; screenshots stay in web/e2e/shots
	$(QUICK)
	scripts/with-chromium.sh node web/e2e/run.mjs --binary "$${CARGO_TARGET_DIR:-target}"/quick/gridtwin

api-test: ## every route with data that its document allows and data that it does not (Schemathesis, from PyPI)
	$(QUICK)
	scripts/api-test.sh "$${CARGO_TARGET_DIR:-target}"/quick/gridtwin 50

soak: ## the tests that take minutes, in a release build
	$(CARGO) test --workspace --release -- --ignored

fuzz: ## feed mutated scripts to reader, checks and solver for ten minutes (FUZZ_SECONDS=n for others)
	command -v cargo-fuzz >/dev/null || $(CARGO) install --locked cargo-fuzz
	RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir fuzz $(FUZZ_TARGET) -- -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -dict=fuzz/opendss.dict

fmt: ## format the sources
	$(CARGO) fmt --all

lint: ## clippy with warnings as errors
	$(CARGO) clippy --workspace --all-targets --features gridtwin/cluster -- -D warnings

clean: ## remove build products
	$(CARGO) clean
	rm -rf out data .venv web/dist web/node_modules
