#!/bin/bash
# A cluster on this machine: three nodes and the balancer in front, on loopback.
#
#   deploy/local/up.sh                  start what is not running; the second call is quick
#   SYNOD_NODES=5 deploy/local/up.sh    five nodes (1, 3 or 5)
#
# Installs the missing Debian 12 packages, builds build/release, starts the processes, waits until
# the cluster serves, writes and reads one key through the front door. Data in build/local/n1/ ...,
# logs in build/local/*.log, process ids in build/local/*.pid. deploy/local/down.sh stops it.
# What a call has started it stops again when it fails.
set -euo pipefail
# shellcheck source=deploy/local/cluster.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

nodes=${SYNOD_NODES:-$(recorded_nodes)}
nodes=${nodes:-3}
unset SYNOD_NODES # Ours alone.

is_open() {
  (exec 3<> "/dev/tcp/${1%:*}/${1##*:}") 2> /dev/null
}

# Where NAME listens.
addresses_of() {
  local i=${1#n}
  case $1 in
    balancer) echo "$front_door $admin $admin_grpc" ;;
    *) echo "$(client_address "$i") $(peer_address "$i") $(metrics_address "$i")" ;;
  esac
}

# Fails when a NAME that does not run yet would find one of its addresses taken.
require_free_addresses() {
  local name address
  for name in "$@"; do
    running_pid "$name" > /dev/null && continue
    for address in $(addresses_of "$name"); do
      is_open "$address" &&
        fail "$address, which $name needs, is taken by another program; stop that one and try again"
    done
  done
  return 0
}

# start NAME PROGRAM ARGUMENT...: starts PROGRAM in the background as NAME unless it runs already.
start() {
  local name=$1 pid
  shift
  if pid=$(running_pid "$name"); then
    case $(readlink "/proc/$pid/exe") in
      *"(deleted)") echo "$name runs an older build (pid $pid); down.sh and up.sh take the new one" ;;
      *) echo "$name is running (pid $pid)" ;;
    esac
    return
  fi
  setsid "$@" >> "$state/$name.log" 2>&1 < /dev/null 9>&- &
  echo $! > "$state/$name.pid"
  echo "$name started (pid $!)"
  started+=("$name")
}

# At the end of the script, by whatever way: half a cluster would be in the way of the next call.
stop_unless_ok() {
  local status=$? name
  trap - EXIT
  [ "$status" = 0 ] || for name in "${started[@]}"; do stop "$name"; done
  exit "$status"
}

start_node() {
  local i=$1
  start "n$i" "$bin/synod-node" "--name=n$i" "--data-dir=$state/n$i" \
    "--listen-client-urls=http://$(client_address "$i")" \
    "--advertise-client-urls=http://$(client_address "$i")" \
    "--listen-peer-urls=http://$(peer_address "$i")" \
    "--initial-advertise-peer-urls=http://$(peer_address "$i")" \
    "--listen-metrics-urls=http://$(metrics_address "$i")" \
    "--initial-cluster=$initial_cluster" --initial-cluster-state=new \
    --initial-cluster-token=synod-local
}

start_balancer() {
  # The policy is in a file so that it can be edited and read again on SIGHUP.
  [ -e "$state/balancer.json" ] || echo '{ "policy": "round_robin" }' > "$state/balancer.json"
  start balancer "$bin/synod-balancer" "--listen=$front_door" "--backends=$backends" \
    "--admin-listen=$admin" "--admin-grpc-listen=$admin_grpc" \
    "--config-file=$state/balancer.json"
}

# await NAME URL: until URL answers 200, for as long as NAME lives, at most a minute.
await() {
  local name=$1 url=$2 deadline=$((SECONDS + 60))
  until curl -sf --noproxy '*' -o /dev/null --max-time 2 "$url"; do
    running_pid "$name" > /dev/null ||
      fail "$name has stopped: $(tail -n 1 "$state/$name.log") (all of it: $state/$name.log)"
    [ $SECONDS -lt $deadline ] ||
      fail "$name does not get ready; see $state/$name.log, or start over: down.sh --wipe, up.sh"
    sleep 0.1
  done
}

client() {
  if command -v etcdctl > /dev/null; then
    env ETCDCTL_API=3 ETCDCTL_ENDPOINTS=$front_door etcdctl "$@"
  else
    "$bin/synodctl" --endpoints=$front_door "$@"
  fi
}

write_and_read_one_key() {
  local value read
  value="written $(date -u +%Y-%m-%dT%H:%M:%SZ) by up.sh"
  client put synod/hello "$value" > /dev/null ||
    fail "the cluster runs but a write through $front_door fails; see $state/*.log"
  read=$(client get synod/hello --print-value-only) ||
    fail "the cluster runs but a read through $front_door fails; see $state/*.log"
  [ "$read" = "$value" ] || fail "wrote '$value', read '$read'; see $state/*.log"
  echo "wrote and read the key synod/hello through $front_door"
}

explain() {
  local i
  echo
  echo "Synod is up."
  printf '  %-10s %-16s etcd v3 API, the front door\n' balancer "$front_door"
  printf '  %-10s %-16s status page: http://%s/\n' "" "$admin" "$admin"
  printf '  %-10s %-16s admin, gRPC\n' "" "$admin_grpc"
  for ((i = 1; i <= nodes; i++)); do
    printf '  %-10s %-16s metrics: http://%s/metrics\n' "n$i" "$(client_address "$i")" \
      "$(metrics_address "$i")"
  done
  cat << TRY
  data, logs and process ids: $state

Try next:
  etcdctl put greeting hello && etcdctl get greeting
  etcdctl --endpoints=$(client_address 1) endpoint status -w table
  ${bin#"$PWD"/}/synodctl --endpoints=$backends paxos status
  ${bin#"$PWD"/}/synodctl lb policy performance
  kill -9 \$(cat ${state#"$PWD"/}/n1.pid); etcdctl put greeting again; deploy/local/up.sh
  deploy/local/down.sh            (--wipe removes the data too)
TRY
}

case "$#:${1:-}" in
  0:) ;;
  1:--help | 1:-h) usage && exit 0 ;;
  *) fail "unknown argument '$*'; allowed: --help, or nothing (SYNOD_NODES=5 gives five nodes)" ;;
esac
case $nodes in 1 | 3 | 5) ;; *) fail "SYNOD_NODES is '$nodes'; say 1, 3 or 5" ;; esac
take_lock
[ "$(recorded_nodes)" = "" ] || [ "$(recorded_nodes)" = "$nodes" ] ||
  fail "$state holds a cluster of $(recorded_nodes) nodes; to start one of $nodes, first run deploy/local/down.sh --wipe"

"$root/deploy/packages.sh" build
"$root/deploy/build.sh" release synod-node synod-balancer synodctl

initial_cluster=
backends=
for ((i = 1; i <= nodes; i++)); do
  initial_cluster+=${initial_cluster:+,}n$i=http://$(peer_address "$i")
  backends+=${backends:+,}$(client_address "$i")
done

names=()
for ((i = 1; i <= nodes; i++)); do names+=("n$i"); done
require_free_addresses "${names[@]}" balancer

echo "$nodes" > "$state/nodes"
started=()
trap stop_unless_ok EXIT
for ((i = 1; i <= nodes; i++)); do start_node "$i"; done
start_balancer
for ((i = 1; i <= nodes; i++)); do await "n$i" "http://$(metrics_address "$i")/readyz"; done
await balancer "http://$admin/readyz"
write_and_read_one_key
explain
