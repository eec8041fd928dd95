#!/bin/bash
# Configures and builds one preset, with progress in steps of 5 %, everything else in a log file.
#
#   deploy/build.sh PRESET [target ...]      for example: deploy/build.sh release synod-node
#
# Two numbers bound the jobs: the cores, and 1.5 GB of free memory for each, which is what the
# heaviest files that include gRPC take. SYNOD_JOBS overrides both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:?usage: deploy/build.sh PRESET [target ...]}
shift
log=build/$preset.log
mkdir -p build

fail() {
  echo "build.sh: $*" >&2
  exit 1
}

jobs_allowed() {
  local by_cores by_memory
  by_cores=$(nproc)
  by_memory=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo)
  local jobs=$((by_cores < by_memory ? by_cores : by_memory))
  echo $((jobs > 0 ? jobs : 1))
}

show_progress() {
  awk '
    match($0, /^\[[0-9]+\/[0-9]+\]/) {
      split(substr($0, 2, RLENGTH - 2), step, "/")
      percent = int(step[1] * 20 / step[2]) * 5
      if (percent > shown) { printf "building: %3d %% (%d of %d)\n", percent, step[1], step[2]; shown = percent; fflush() }
    }'
}

# Once configured, ninja itself configures again when a CMake file has changed.
: > "$log"
if [ ! -e "build/$preset/build.ninja" ]; then
  echo "configuring build/$preset"
  if ! cmake --preset "$preset" >> "$log" 2>&1; then
    grep -m 3 -A 3 -E 'CMake Error|No such preset' "$log" >&2 || true
    fail "configuring failed; the whole story is in $log"
  fi
fi

jobs=${SYNOD_JOBS:-$(jobs_allowed)}
if ! ninja -C "build/$preset" -j "$jobs" "$@" 2>&1 | tee -a "$log" | show_progress; then
  grep -m 10 -E 'error:|FAILED:|undefined reference|Killed|fatal' "$log" >&2 || true
  fail "building failed; the whole story is in $log (out of memory? try SYNOD_JOBS=1)"
fi
