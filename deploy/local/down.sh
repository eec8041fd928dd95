#!/bin/bash
# Stops the processes that up.sh started, and only those.
#
#   deploy/local/down.sh            data and logs stay; up.sh goes on with them
#   deploy/local/down.sh --wipe     removes build/local too
set -euo pipefail
# shellcheck source=deploy/local/cluster.sh
source "$(dirname "${BASH_SOURCE[0]}")/cluster.sh"

case "$#:${1:-}" in
  0: | 1:--wipe) ;;
  1:--help | 1:-h) usage && exit 0 ;;
  *) fail "unknown argument '$*'; allowed: --wipe, --help, or nothing" ;;
esac
[ -d "$state" ] || { echo "nothing to stop: $state does not exist" && exit 0; }
take_lock
# The balancer first, so that no client is sent to a node that is going away.
stop balancer
for pid_file in "$state"/n*.pid; do
  [ -e "$pid_file" ] || continue
  name=${pid_file##*/}
  stop "${name%.pid}"
done
if [ "${1:-}" = --wipe ]; then
  rm -rf "$state"
  echo "removed $state"
fi
