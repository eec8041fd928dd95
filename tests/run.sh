#!/bin/bash
# Installs what is missing, builds, runs every test; the last thing printed is CTest's summary.
# Arguments go to ctest:
#
#   tests/run.sh                    everything
#   tests/run.sh -R paxos           tests whose name matches
#   tests/run.sh -L e2e -V          one label, with the tests' own output
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

deploy/packages.sh test
deploy/build.sh release
PATH=$PATH:$PWD/build/peers/usr/bin \
  exec ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(nproc)" "$@"
