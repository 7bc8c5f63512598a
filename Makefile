# Everything one does with opsd. Needs git, make and any Node >= 20 with npm; all else comes from the npm registry.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# npm must not run on the node that it is about to replace, so the PATH of the caller is kept for it.
CALLER_PATH := $(subst $(CURDIR)/node_modules/.bin:,,$(PATH))
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

# make install
PREFIX ?= /srv
BINDIR ?= /usr/local/bin
UNITDIR ?= /etc/systemd/system
DESTDIR ?=
# make run
CONFIG ?= cfg/demo.toml
DEV_PREFIX ?= $(CURDIR)/srv
# Small young generation, one thread for V8: 20 MB less, and no slower. And a debugger that cannot listen, for SIGUSR1
# opens one until opsd has its own handler: RFC 5737 gives that address to nobody. (--disable-sigusr1 would block the
# signal for good, and with it the reopening of logs.) systemd/install.sh says the same.
NODE_OPTIONS_OF_OPSD := --max-semi-space-size=1 --v8-pool-size=1 --inspect-port=192.0.2.1
# make soak, make chaos
SEEDS ?= 2000
MINUTES ?= 20
# make test-systemd: test files and options of node --test instead of all
ONLY ?=

# One test file per core; no single test may take longer than the timeout.
NODE_TEST := node --test --test-concurrency=2 --test-timeout=120000
# These have a target of their own: they take long, or want root, or a quiet machine.
APART := test/bench test/chaos test/systemd
# make coverage: those that run the sources in their own process.
COVERING := core config simulation runtime daemon http cli os

.PHONY: help prepare run check test coverage mutants soak chaos fuzz bench test-systemd build install clean

help: ## print this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | while IFS=$$'\t' read -r name what; do printf 'make %-14s %s\n' "$$name" "$$what"; done

prepare: ## npm ci, unless package-lock.json is what is installed already
	@if ! cmp -s package-lock.json node_modules/.opsd-installed || ! [ -x node_modules/.bin/node ]; then \
	  PATH='$(CALLER_PATH)' npm ci --no-audit --no-fund --no-update-notifier --loglevel=error && cp package-lock.json node_modules/.opsd-installed; \
	fi

run: prepare ## supervise the services of cfg/demo.toml here; CONFIG=cfg/demo.toml DEV_PREFIX=./srv
	@install -d -m 0755 '$(DEV_PREFIX)' '$(DEV_PREFIX)/run' log tmp
	@install -d -m 0700 '$(DEV_PREFIX)/key' '$(DEV_PREFIX)/data' '$(DEV_PREFIX)/data/opsd'
	@PREFIX='$(abspath $(DEV_PREFIX))' exec node $(NODE_OPTIONS_OF_OPSD) src/main.ts run --config '$(CONFIG)'

check: prepare ## types, lint, format
	@tsc
	@tsc -p tsconfig.page.json
	@biome check --error-on-warnings

test: check ## check, then all tests that any user of any machine can run
	@$(NODE_TEST) $$(find test -name '*.test.ts' $(foreach folder,$(APART),-not -path '$(folder)/*') | sort)

coverage: prepare ## which lines and branches of src the tests come past, but for those that run opsd as a whole
	@SEEDS=40 node --test --test-concurrency=2 --test-timeout=120000 --experimental-test-coverage --test-coverage-include='src/**' \
	  $$(find $(foreach folder,$(COVERING),test/$(folder)) -name '*.test.ts' | sort)

mutants: prepare ## plant faults in the pure code and tell which ones no test notices; SAMPLE=40 SEED=number LIMIT=seconds ONLY=part-of-a-path UPDATE=1
	@node --no-warnings test/mutants/main.ts

soak: prepare ## random worlds against the core; SEEDS=2000
	@SEEDS='$(SEEDS)' node --test --test-timeout=0 $$(find test -name '*worlds*.test.ts')

chaos: prepare ## a monkey against a real opsd; MINUTES=20, SEED=number to repeat a run
	@MINUTES='$(MINUTES)' node test/chaos/main.ts

fuzz: prepare ## a million broken requests against a real opsd, garbage for all that it reads; SEED=number to repeat a run
	@node test/fuzz/main.ts

bench: build ## how fast and how small, beside supervisord and pm2 where they are installed
	@node test/bench/main.ts

test-systemd: build ## on a real systemd: needs root and Debian's systemd-container, for the VM also user-mode-linux
	@node test/systemd/main.ts $(ONLY)

build: prepare dist/main.js ## compile to dist/

# Made last, by renaming: its age is that of the whole folder.
dist/main.js: $(shell find src -type f) tsconfig.json tsconfig.build.json package.json package-lock.json
	@rm -rf dist
	@tsc -p tsconfig.build.json
	@cp -r src/http/page/page.html src/http/page/page.css src/http/page/browser dist/http/page/
	@{ echo '#!/usr/bin/env -S node $(NODE_OPTIONS_OF_OPSD)'; cat dist/main.js; } >dist/main.js.new
	@chmod +x dist/main.js.new
	@mv dist/main.js.new dist/main.js

install: build ## PREFIX=/srv BINDIR=/usr/local/bin UNITDIR=/etc/systemd/system DESTDIR=
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' BINDIR='$(BINDIR)' UNITDIR='$(UNITDIR)' systemd/install.sh

clean: ## remove all that was made here
	rm -rf node_modules dist log tmp srv
