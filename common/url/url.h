// The addresses people write: host:port, etcd's URL lists `http://h:p,http://h:p`, and etcd's
// clusters `name=url,name=url`.
//
// Hosts are kept as written (names, IPv4, IPv6 in brackets) and resolved by whoever connects. Every
// error is InvalidArgument, quotes the text and says what is wrong with it.
#ifndef SYNOD_COMMON_URL_URL_H_
#define SYNOD_COMMON_URL_URL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace synod {

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;

  // "host:port"; "[host]:port" when the host is an IPv6 address.
  std::string ToString() const;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// Port 0 is well-formed: a listener takes it as "any free port".
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// An address to listen on, and the flag that gave it, without dashes.
struct Listener {
  absl::string_view flag;
  HostPort address;
};

// That no two listeners are in each other's way, the same port on all addresses included. The error
// names the second flag and the first.
absl::Status CheckApart(const std::vector<Listener>& listeners);

struct Url {
  std::string scheme;  // "http" or "https"
  HostPort address;

  std::string ToString() const;

  friend bool operator==(const Url&, const Url&) = default;
};

// A scheme, a host, a port; no path, query or user.
absl::StatusOr<Url> ParseUrl(absl::string_view text);

// One or more, separated by commas.
absl::StatusOr<std::vector<Url>> ParseUrlList(absl::string_view text);

struct ClusterMember {
  std::string name;
  std::vector<Url> peer_urls;

  friend bool operator==(const ClusterMember&, const ClusterMember&) = default;
};

// One or more `name=url`, separated by commas; a name that comes again adds a URL to its member.
// In the order of first mention. The same URL twice is an error.
absl::StatusOr<std::vector<ClusterMember>> ParseCluster(absl::string_view text);

}  // namespace synod

#endif  // SYNOD_COMMON_URL_URL_H_
