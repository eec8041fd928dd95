#!/bin/bash
# Synod beside Debian's etcd and HAProxy: the same load, one after the other, round after round, so
# that a noisy machine disturbs all alike. Prints a Markdown table of medians and spreads.
#
#   tests/bench/compare.sh                       3 rounds of 5 s each
#   ROUNDS=5 SECONDS_EACH=10 tests/bench/compare.sh
#   ONLY='synod' tests/bench/compare.sh          just the subjects whose name matches
#
# Starts two clusters of three members each on loopback, with their data under a temporary
# directory, and stops them again. Needs build/release, etcd, haproxy and jq.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${SYNOD_BIN:-$root/build/release/bin}
rounds=${ROUNDS:-3}
seconds=${SECONDS_EACH:-5}
only=${ONLY:-.}
PATH=$PATH:$root/build/peers/usr/bin:$root/build/peers/usr/sbin:/usr/sbin

fail() {
  echo "compare.sh: $*" >&2
  exit 1
}
for program in etcd haproxy jq; do
  command -v $program > /dev/null || fail "$program is missing: apt-get install etcd-server haproxy jq"
done
for program in synod-node synod-balancer synod-bench; do
  [ -x "$bin/$program" ] || fail "$bin/$program is missing: run deploy/local/up.sh or tests/run.sh first"
done

work=$(mktemp -d)
pids=()
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
  wait 2> /dev/null || true
  rm -rf "$work"
}
trap stop EXIT

run() { # run NAME PROGRAM ARGUMENT...
  local name=$1
  shift
  "$@" > "$work/$name.log" 2>&1 < /dev/null &
  pids+=($!)
}

synod_cluster=s1=http://127.0.0.1:4711,s2=http://127.0.0.1:4721,s3=http://127.0.0.1:4731
etcd_cluster=e1=http://127.0.0.1:4811,e2=http://127.0.0.1:4821,e3=http://127.0.0.1:4831
for i in 1 2 3; do
  run "s$i" "$bin/synod-node" "--name=s$i" "--data-dir=$work/s$i" \
    "--listen-client-urls=http://127.0.0.1:47${i}0" \
    "--advertise-client-urls=http://127.0.0.1:47${i}0" \
    "--listen-peer-urls=http://127.0.0.1:47${i}1" \
    "--initial-advertise-peer-urls=http://127.0.0.1:47${i}1" \
    "--listen-metrics-urls=http://127.0.0.1:47${i}2" \
    "--initial-cluster=$synod_cluster" --initial-cluster-state=new --initial-cluster-token=bench
  run "e$i" etcd "--name=e$i" "--data-dir=$work/e$i" \
    "--listen-client-urls=http://127.0.0.1:48${i}0" \
    "--advertise-client-urls=http://127.0.0.1:48${i}0" \
    "--listen-peer-urls=http://127.0.0.1:48${i}1" \
    "--initial-advertise-peer-urls=http://127.0.0.1:48${i}1" \
    "--initial-cluster=$etcd_cluster" --initial-cluster-state=new --initial-cluster-token=bench
done
synod_nodes=127.0.0.1:4710,127.0.0.1:4720,127.0.0.1:4730
etcd_members=127.0.0.1:4810,127.0.0.1:4820,127.0.0.1:4830

run balancer "$bin/synod-balancer" --listen=127.0.0.1:4700 "--backends=$synod_nodes" \
  --admin-listen=127.0.0.1:4701 --admin-grpc-listen=127.0.0.1:4702

proxy_of() { # proxy_of PORT HOST:PORT...: an HAProxy configuration, HTTP/2 on both sides
  local port=$1 address n=0
  shift
  printf 'global\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n'
  printf 'frontend f\n  bind 127.0.0.1:%s proto h2\n  default_backend b\nbackend b\n  balance roundrobin\n' "$port"
  for address in "$@"; do printf '  server m%s %s proto h2\n' $((++n)) "$address"; done
}
proxy_of 4800 ${etcd_members//,/ } > "$work/haproxy-etcd.cfg"
proxy_of 4703 ${synod_nodes//,/ } > "$work/haproxy-synod.cfg"
run haproxy-etcd haproxy -db -f "$work/haproxy-etcd.cfg"
run haproxy-synod haproxy -db -f "$work/haproxy-synod.cfg"

# Subjects: name|endpoints.
subjects=(
  "synod, direct to all nodes|$synod_nodes"
  "synod, synod-balancer|127.0.0.1:4700"
  "synod, HAProxy|127.0.0.1:4703"
  "etcd, direct to all members|$etcd_members"
  "etcd, HAProxy|127.0.0.1:4800"
)
# Loads: name|flags.
loads=(
  "put|--operation=put --connections=8 --in-flight=32"
  "get|--operation=get --connections=8 --in-flight=32"
  "serializable get|--operation=serializable-get --connections=8 --in-flight=32"
  "put, one at a time|--operation=put --connections=1 --in-flight=1"
  "get, one at a time|--operation=get --connections=1 --in-flight=1"
)

measure() { # measure ENDPOINTS FLAG...: one line of JSON
  local endpoints=$1
  shift
  timeout $((seconds + 60)) "$bin/synod-bench" "--endpoints=$endpoints" --warmup=1s \
    "--duration=${seconds}s" --format=json "$@"
}

echo "waiting for both clusters" >&2
for endpoints in 127.0.0.1:4700 127.0.0.1:4800; do
  for attempt in 1 2 3; do
    timeout 30 "$bin/synod-bench" "--endpoints=$endpoints" --warmup=0s --duration=1s > /dev/null 2>&1 && break
    [ "$attempt" -lt 3 ] || fail "nothing serves at $endpoints: $(tail -n 1 "$work"/*.log)"
    sleep 1
  done
done

for ((round = 1; round <= rounds; round++)); do
  for l in "${!loads[@]}"; do
    for s in "${!subjects[@]}"; do
      name=${subjects[$s]%%|*}
      [[ $name =~ $only ]] || continue
      echo "round $round of $rounds: ${loads[$l]%%|*}: $name" >&2
      # shellcheck disable=SC2086 # The flags are words.
      measure "${subjects[$s]##*|}" ${loads[$l]##*|} >> "$work/$l.$s.json" ||
        echo "  had failures: $(tail -n 1 "$work/$l.$s.json")" >&2
    done
  done
done

median() { # median FILE FIELD FORMAT: median (lowest-highest) of a field
  jq -s -r --arg field "$2" '[.[] | .[$field]] | sort | [.[length / 2 | floor], .[0], .[-1]] | @tsv' \
    "$1" | awk -v f="$3" '{ printf f " (" f "–" f ")", $1, $2, $3 }'
}

echo
echo "$rounds rounds of $seconds s, $(nproc) cores, clients included; median (lowest–highest)"
echo
echo "| load | subject | calls/s | p50 ms | p99 ms | failures |"
echo "|---|---|---|---|---|---|"
for l in "${!loads[@]}"; do
  for s in "${!subjects[@]}"; do
    file=$work/$l.$s.json
    [ -e "$file" ] || continue
    printf '| %s | %s | %s | %s | %s | %s |\n' "${loads[$l]%%|*}" "${subjects[$s]%%|*}" \
      "$(median "$file" calls_per_second %.0f)" "$(median "$file" p50_ms %.2f)" \
      "$(median "$file" p99_ms %.2f)" "$(jq -s '[.[].failures | add // 0] | add' "$file")"
  done
done
