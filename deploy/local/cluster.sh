# shellcheck shell=bash disable=SC2034
# What up.sh and down.sh share: where the local cluster lives and which processes are its own.
# Sourced, with `set -euo pipefail` in force.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$(realpath -m "$root/build/release/bin")
state=$root/build/local
front_door=127.0.0.1:2379
admin=127.0.0.1:2381
admin_grpc=127.0.0.1:2382

# Node 1 has its client port at 12379, node 2 at 22379, and so on; peers and metrics follow it.
client_address() { echo "127.0.0.1:${1}2379"; }
peer_address() { echo "127.0.0.1:${1}2380"; }
metrics_address() { echo "127.0.0.1:${1}2381"; }

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Prints the comment at the head of the script.
usage() {
  sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$0"
}

# One up.sh or down.sh at a time in this tree. The lock goes with the process that holds it.
take_lock() {
  mkdir -p "$state"
  exec 9> "$state/lock"
  flock -n 9 || fail "another up.sh or down.sh is at work in $state; wait for it to end"
}

# How many nodes the data directories were made for; empty when there are none.
recorded_nodes() {
  cat "$state/nodes" 2> /dev/null || true
}

# The argument that tells one of our processes from the others.
mark_of() {
  if [ "$1" = balancer ]; then echo "--listen=$front_door"; else echo "--name=$1"; fi
}

# Prints the process id in NAME.pid if that process is alive and is the one we started there: ids
# are reused, so its program and its name are compared too.
running_pid() {
  local pid exe
  pid=$(cat "$state/$1.pid" 2> /dev/null) || return 1
  exe=$(readlink "/proc/$pid/exe" 2> /dev/null) || return 1
  case "${exe% (deleted)}" in "$bin/synod-node" | "$bin/synod-balancer") ;; *) return 1 ;; esac
  tr '\0' '\n' < "/proc/$pid/cmdline" 2> /dev/null | grep -qxF -- "$(mark_of "$1")" || return 1
  echo "$pid"
}

# Stops NAME if it runs. Asks first, and insists after ten seconds: a node that is killed recovers from its log.
stop() {
  local name=$1 pid deadline=$((SECONDS + 10))
  if pid=$(running_pid "$name"); then
    kill -TERM "$pid" 2> /dev/null || true
    while running_pid "$name" > /dev/null; do
      [ $SECONDS -lt $deadline ] || kill -KILL "$pid" 2> /dev/null || true
      sleep 0.05
    done
    echo "$name stopped (pid $pid)"
  fi
  rm -f "$state/$name.pid"
}
