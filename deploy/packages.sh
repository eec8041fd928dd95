#!/bin/bash
# The one list of what Synod needs from Debian 12, with the reason for each package, and the
# command that installs what is missing of it.
#
#   deploy/packages.sh build      what it takes to build and run (up.sh calls this)
#   deploy/packages.sh test       that, and what the tests compare with (tests/run.sh calls this)
#   deploy/packages.sh list       print the list with its reasons
#
# Needs root, or sudo, only when something is missing. Quiet when nothing is.
set -euo pipefail

build_packages=(
  # package                    reason
  "g++                         C++20 compiler"
  "cmake                       configures the build"
  "ninja-build                 runs it"
  "pkg-config                  finds nghttp2 and xxhash, which bring no CMake files"
  "protobuf-compiler           generates the messages of protos/"
  "protobuf-compiler-grpc      generates the services of protos/"
  "libprotobuf-dev             runtime of the messages"
  "libgrpc++-dev               client API, peer links, admin and control plane"
  "libabsl-dev                 Status, strings, time, hash maps, mutexes with annotations"
  "librocksdb-dev              the state engine: snapshots by hard link, no stop for defragmentation"
  "libssl-dev                  SHA-1 of what makes a cluster id"
  "libnghttp2-dev              HTTP/2 framing of the front door"
  "libxxhash-dev               checksums of log records"
  "nlohmann-json3-dev          configuration files and JSON output"
  "libcli11-dev                command lines of all programs"
  "libspdlog-dev               logging off the request path"
  "prometheus-cpp-dev          /metrics"
  "libcpp-httplib-dev          the HTTP listeners of metrics, health and the status page"
  "libgtest-dev                unit tests"
  "libgmock-dev                matchers in them"
  "curl                        health checks of the local cluster's scripts"
  "etcd-client                 etcdctl, the first client of the tour and of the tests"
)

# What only tests run is unpacked under build/peers instead of installed: installing etcd-server,
# for one, starts a daemon on port 2379, the front door's. The second word is the program.
unpacked_packages=(
  "etcd-server etcd            answers the same commands beside us; the outputs must be equal"
  "kubernetes-client kubectl   renders deploy/kubernetes"
)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
  echo "packages.sh: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo > /dev/null; then
    sudo "$@"
  else
    fail "not root and no sudo; as root run: apt-get install ${missing[*]}"
  fi
}

apt() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@"
}

install_missing() {
  local line log installed
  missing=()
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2> /dev/null || true)
  for line in "${build_packages[@]}"; do
    grep -qxF "installed ${line%% *}" <<< "$installed" || missing+=("${line%% *}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get > /dev/null ||
    fail "no apt-get here; install the equivalents of: ${missing[*]}"
  echo "installing ${#missing[@]} Debian packages: ${missing[*]}"
  log=$(mktemp)
  if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    fail "could not install; check the network and run: apt-get install ${missing[*]}"
  fi
  rm -f "$log"
}

unpack_peers() {
  local line package program scratch
  for line in "${unpacked_packages[@]}"; do
    read -r package program _ <<< "$line"
    if command -v "$program" > /dev/null || [ -e "$root/build/peers/$package.done" ]; then
      continue
    fi
    echo "unpacking Debian's $package into build/peers"
    mkdir -p "$root/build/peers"
    scratch=$(mktemp -d)
    if ! (cd "$scratch" && apt-get -qq download "$package" &&
      dpkg-deb -x "$package"_*.deb "$root/build/peers") > "$scratch/log" 2>&1; then
      tail -n 3 "$scratch/log" >&2
      rm -rf "$scratch"
      fail "could not fetch $package; check the network and run: apt-get update"
    fi
    rm -rf "$scratch"
    touch "$root/build/peers/$package.done"
  done
}

case "${1:-}" in
  build) install_missing ;;
  test)
    install_missing
    unpack_peers
    ;;
  list)
    printf '%s\n' "${build_packages[@]}" "${unpacked_packages[@]}"
    ;;
  *) fail "say one of: build, test, list" ;;
esac
