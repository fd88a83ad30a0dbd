# Everything a person or CI runs on a checkout. `make` alone prints what there is.
#
# Nothing is installed twice: system packages are asked for by name, everything else leaves a stamp that is newer than
# the files it was made from. Needs make, a shell and python3 (3.10 or later); the rest is installed on the way.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
JOBS ?= $(shell nproc)
MODELS ?= examples/models
DEVICES ?= cpu:2

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
LOGS := build/logs
CPP_BUILD := build/cpp-tests
ASAN_BUILD := build/asan
TSAN_BUILD := build/tsan
NUMPY2 := build/numpy2
NODE := build/node
CLIENTS := build/clients
# One name for the compiler in every build: ccache takes c++ and g++ for different ones.
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif
export CC CXX
export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

STEP = $(PYTHON) tools/run_step.py
STEPS := 3
PIP := $(BIN)/python -m pip
BUILD_REQUIRES := $(shell sed -n 's/^requires = \[\(.*\)\]/\1/p' pyproject.toml | tr ',' ' ')

# What the installed package is made from.
SOURCES := $(shell find cpp cmake tritonfrontend supervisor -type f -not -name '*.pyc' 2>/dev/null) \
  CMakeLists.txt pyproject.toml tritonserver.py README.md LICENSE
CPP_FILES = $(shell git ls-files -co --exclude-standard '*.h' '*.cc' '*.c' | sort)
CMAKE_FILES = CMakeLists.txt cmake/*.cmake tests/backends/CMakeLists.txt
PYTHON_DIRS = tritonfrontend supervisor tritonserver.py tools bench tests/python tests/clients tests/sanitize examples

.PHONY: help serve install test test-faults lint format tidy sanitize sanitize-threads bench clean packages packages-test packages-bench
.PHONY: cpp-tests
# The order of prerequisites is the order of the steps; compilers run in parallel all the same.
.NOTPARALLEL:

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# --- use ------------------------------------------------------------------------------------------------------------

serve: STEPS := 4
serve: install  ## install what is missing, build, serve MODELS (examples/models) on DEVICES (cpu:2)
	@echo "[4/4] supervisor: $(MODELS) on $(DEVICES)"
	@exec $(BIN)/tritonfrontend serve --model-repository $(MODELS) --devices $(DEVICES)

install: packages $(STAMPS)/embedded  ## system packages, virtual environment, the package with its embedded core

# --- prove ----------------------------------------------------------------------------------------------------------

# Both suites always run to their end; their closing lines come last.
test: STEPS := 6
test: packages-test $(STAMPS)/test $(NUMPY2)/.stamp $(NODE)/.stamp $(CLIENTS)/.stamp cpp-tests  ## C++ (ctest) and Python (pytest) tests; see test-faults
	@status=0; \
	$(STEP) "[5/6] C++ tests" $(LOGS)/ctest.log -- \
	  ctest --test-dir $(CPP_BUILD) --output-on-failure --no-tests=error -j $(JOBS) || status=1; \
	echo "[6/6] Python tests"; \
	$(TEST_ENVIRONMENT) $(BIN)/pytest $(PYTEST) || status=1; \
	grep -E '^[0-9]+% tests passed' $(LOGS)/ctest.log || { echo "ctest did not finish"; status=1; }; \
	exit $$status

test-faults: packages-test $(STAMPS)/test cpp-tests  ## servers killed, stopped, replaced under load; ends with a table of counts (slow)
	@$(TEST_ENVIRONMENT) $(BIN)/pytest -m faults $(PYTEST)

TEST_ENVIRONMENT = TRITONFRONTEND_TEST_BACKENDS=$(CURDIR)/$(CPP_BUILD)/tests/backends/out \
  TRITONFRONTEND_TEST_NUMPY2=$(CURDIR)/$(NUMPY2) \
  TRITONFRONTEND_TEST_NODE_MODULES=$(CURDIR)/$(NODE)/node_modules \
  TRITONFRONTEND_TEST_CLIENTS=$(CURDIR)/$(CLIENTS)

cpp-tests: packages-test $(STAMPS)/test
	@$(STEP) "[4/$(STEPS)] C++ tests: build" $(LOGS)/cpp-tests.log -- bash -c '$(call BUILD_CPP,$(CPP_BUILD),Release,OFF,)'

# $(call BUILD_CPP,folder,build type,with module,sanitizers). Release is what the package ships, and ccache has it.
BUILD_CPP = cmake -S . -B $(1) -G Ninja -DCMAKE_BUILD_TYPE=$(2) -DTFE_BUILD_MODULE=$(3) -DTFE_SANITIZE=$(4) -DTFE_BUILD_TESTS=ON \
  -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python && cmake --build $(1)

lint: packages-test $(STAMPS)/test  ## formatting, ruff, mypy, spelling, layers, packages and file lengths
	@echo "clang-format --dry-run -Werror: $(words $(CPP_FILES)) files"
	@$(BIN)/clang-format --dry-run -Werror $(CPP_FILES)
	$(BIN)/gersemi --check $(CMAKE_FILES)
	$(BIN)/ruff format --check $(PYTHON_DIRS)
	$(BIN)/ruff check $(PYTHON_DIRS)
	$(BIN)/mypy
	for conftest in $(wildcard tests/python/*/conftest.py); do $(BIN)/mypy $$conftest; done
	$(BIN)/codespell
	$(BIN)/python tools/check_layers.py
	$(BIN)/python tools/check_packages.py
	$(BIN)/python tools/check_lengths.py

format: $(STAMPS)/test  ## rewrite every file the way `make lint` wants it
	$(BIN)/clang-format -i $(CPP_FILES)
	$(BIN)/gersemi -i $(CMAKE_FILES)
	$(BIN)/ruff format $(PYTHON_DIRS)
	$(BIN)/ruff check --fix $(PYTHON_DIRS)

tidy: $(STAMPS)/test cpp-tests  ## clang-tidy over cpp/ (slow; not part of lint)
	$(PIP) install -q '.[tidy]' --no-build-isolation --no-deps
	$(BIN)/clang-tidy -p $(CPP_BUILD) --quiet $(shell find cpp -name '*.cc')

sanitize: packages-test $(STAMPS)/test  ## C++ tests, and start-serve-stop cycles, under AddressSanitizer and UBSan
	@$(STEP) "[4/6] sanitized build" $(LOGS)/asan-build.log -- bash -c '$(call BUILD_CPP,$(ASAN_BUILD),Debug,ON,address$(comma)undefined)'
	@status=0; \
	$(STEP) "[5/6] C++ tests, sanitized" $(LOGS)/asan-ctest.log -- \
	  env $(SANITIZER_OPTIONS) ctest --test-dir $(ASAN_BUILD) --output-on-failure --no-tests=error -j $(JOBS) || status=1; \
	echo "[6/6] start-serve-stop cycles, sanitized"; \
	TRITONFRONTEND_TEST_BACKENDS=$(CURDIR)/$(ASAN_BUILD)/tests/backends/out \
	  $(BIN)/python tests/sanitize/run_cycles.py $(ASAN_BUILD) $(CYCLES) || status=1; \
	grep -E '^[0-9]+% tests passed' $(LOGS)/asan-ctest.log || status=1; \
	exit $$status

# Only of the layers that do not call the core: it is not instrumented, and what its threads hand over has no order that
# ThreadSanitizer could see.
CORELESS := base codec grpc http http1 http2 net server
sanitize-threads: packages-test $(STAMPS)/test  ## C++ tests of the layers that do not call the core, under ThreadSanitizer
	@$(STEP) "[4/5] sanitized build" $(LOGS)/tsan-build.log -- \
	  bash -c '$(call BUILD_CPP,$(TSAN_BUILD),Debug,OFF,thread) --target $(CORELESS:%=%_test)'
	@status=0; \
	$(STEP) "[5/5] C++ tests, sanitized" $(LOGS)/tsan-ctest.log -- \
	  ctest --test-dir $(TSAN_BUILD) --output-on-failure --no-tests=error -j $(JOBS) \
	  -R '^($(subst $(space),|,$(CORELESS)))\.' || status=1; \
	grep -E '^[0-9]+% tests passed' $(LOGS)/tsan-ctest.log || status=1; \
	exit $$status
space := $(subst ,, )
comma := ,
CYCLES ?= 200
# intercept_tls_get_addr: LeakSanitizer mistakes where a library that was loaded later has its thread-local data, and dies
# of looking there ("Tracer caught signal 11").
SANITIZER_OPTIONS = LSAN_OPTIONS=suppressions=$(CURDIR)/tests/sanitize/lsan.supp:print_suppressions=0 \
  ASAN_OPTIONS=alloc_dealloc_mismatch=0:intercept_tls_get_addr=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1

bench: STEPS := 4
bench: packages-bench $(STAMPS)/test cpp-tests  ## ratios against the reference server of the same core
	@$(TEST_ENVIRONMENT) $(BIN)/python bench/run.py $(BENCH)

clean:  ## remove everything that was built or installed here
	rm -rf build dist $(VENV) .mypy_cache .pytest_cache .ruff_cache

# --- what the goals above stand on ----------------------------------------------------------------------------------

packages:
	@echo "[1/$(STEPS)] system packages"
	@tools/install_packages.sh build

packages-test:
	@echo "[1/$(STEPS)] system packages"
	@tools/install_packages.sh build test

packages-bench:
	@echo "[1/$(STEPS)] system packages"
	@tools/install_packages.sh build test bench

# The build requirements live in the environment, so that the next build finds the same paths and only redoes what
# changed.
$(STAMPS)/venv: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "python3 must be 3.10 or later")'
	@$(STEP) "[2/$(STEPS)] virtual environment" $(LOGS)/venv.log -- bash -ec ' \
	  test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
	  $(PIP) install $(BUILD_REQUIRES)'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/embedded: $(STAMPS)/venv $(SOURCES)
	@$(STEP) "[3/$(STEPS)] package: build and install" $(LOGS)/package.log -- \
	  $(PIP) install --no-build-isolation -v '.[embedded]'
	@touch $@

$(STAMPS)/test: $(STAMPS)/venv $(SOURCES)
	@$(STEP) "[3/$(STEPS)] package and test tools: build and install" $(LOGS)/package.log -- \
	  $(PIP) install --no-build-isolation -v '.[embedded,test]'
	@touch $(STAMPS)/embedded $@

# A second implementation of gRPC's client, where there is npm; its tests say if they are skipped.
$(NODE)/.stamp:
	@mkdir -p $(NODE)
	@if command -v npm >/dev/null; then npm install --prefix $(NODE) --no-audit --no-fund --loglevel error \
	  @grpc/grpc-js@1.14 >/dev/null || echo "npm has no @grpc/grpc-js: the tests with it are skipped"; fi
	@touch $@

# grpc-go's client, where there is Go, and the C++ one; what is not built is named.
$(CLIENTS)/.stamp: tests/clients/build.py $(wildcard tests/clients/go/* tests/clients/cpp/*) $(STAMPS)/test
	@mkdir -p $(CLIENTS)
	@$(BIN)/python tests/clients/build.py $(CLIENTS)
	@touch $@

$(NUMPY2)/.stamp: $(STAMPS)/venv
	@$(PIP) install -q --no-deps --upgrade --target $(NUMPY2) 'numpy>=2'
	@touch $@
