#include "common/url/url.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace synod {
namespace {

absl::Status Bad(absl::string_view text, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" ", problem));
}

bool IsHostCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
}

bool IsIpv6Character(char c) {
  return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == ':' || c == '.' || c == '%';
}

bool IsAnyAddress(absl::string_view host) {
  return host == "0.0.0.0" || host == "::";
}

bool Collide(const HostPort& a, const HostPort& b) {
  return a.port == b.port && a.port != 0 &&
         (a.host == b.host || IsAnyAddress(a.host) || IsAnyAddress(b.host));
}

}  // namespace

std::string HostPort::ToString() const {
  const bool ipv6 = absl::StrContains(host, ":");
  return absl::StrCat(ipv6 ? "[" : "", host, ipv6 ? "]:" : ":", port);
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  if (absl::StrContains(text, "://")) return Bad(text, "is a URL; write host:port");
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Bad(text, "has no port; write host:port");
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port_text = text.substr(colon + 1);

  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]")) return Bad(text, "has an unclosed [");
    if (!absl::StrContains(host, ":") || !std::all_of(host.begin(), host.end(), IsIpv6Character)) {
      return Bad(text, "has no IPv6 address between its brackets");
    }
  } else if (absl::StrContains(host, ":")) {
    return Bad(text, "has an IPv6 address without brackets; write [host]:port");
  } else if (!std::all_of(host.begin(), host.end(), IsHostCharacter)) {
    return Bad(text, "has a host with a character that no host name has");
  }
  if (host.empty()) return Bad(text, "has no host; write host:port");

  uint32_t port = 0;
  if (port_text.empty() || !std::all_of(port_text.begin(), port_text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(port_text, &port) || port > 65535) {
    return Bad(text, "has a port that is not a number from 0 to 65535");
  }
  return HostPort{std::string(host), static_cast<uint16_t>(port)};
}

absl::Status CheckApart(const std::vector<Listener>& listeners) {
  for (auto second = listeners.begin(); second != listeners.end(); ++second) {
    const auto first = std::find_if(listeners.begin(), second, [&](const Listener& one) {
      return Collide(one.address, second->address);
    });
    if (first == second) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--", second->flag, ": ", second->address.ToString(), " is taken by --", first->flag, ", ",
        first->address.ToString(), "; give each listener a port of its own"));
  }
  return absl::OkStatus();
}

std::string Url::ToString() const {
  return absl::StrCat(scheme, "://", address.ToString());
}

absl::StatusOr<Url> ParseUrl(absl::string_view text) {
  const size_t separator = text.find("://");
  if (separator == absl::string_view::npos) {
    return Bad(text, "is not a URL; write http://host:port");
  }
  Url url;
  url.scheme = std::string(text.substr(0, separator));
  if (url.scheme != "http" && url.scheme != "https") {
    return Bad(text, "has a scheme other than http and https");
  }
  const absl::string_view rest = text.substr(separator + 3);
  if (rest.find_first_of("/?#@") != absl::string_view::npos) {
    return Bad(text, "has more than a host and a port; write http://host:port");
  }
  auto address = ParseHostPort(rest);
  if (!address.ok()) return Bad(text, absl::StrCat("is not a URL: ", address.status().message()));
  url.address = *std::move(address);
  return url;
}

absl::StatusOr<std::vector<Url>> ParseUrlList(absl::string_view text) {
  std::vector<Url> urls;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    auto url = ParseUrl(part);
    if (!url.ok()) return url.status();
    urls.push_back(*std::move(url));
  }
  return urls;
}

absl::StatusOr<std::vector<ClusterMember>> ParseCluster(absl::string_view text) {
  std::vector<ClusterMember> members;
  std::set<std::string> seen;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const auto& [name, address] = pair;
    if (name.empty() || address.empty()) {
      return Bad(part, "is not a member; write name=http://host:port");
    }
    auto url = ParseUrl(address);
    if (!url.ok()) return url.status();
    if (!seen.insert(url->ToString()).second) return Bad(address, "is given to two members");
    auto member = std::find_if(members.begin(), members.end(),
                               [n = name](const ClusterMember& m) { return m.name == n; });
    if (member == members.end()) {
      member = members.insert(member, ClusterMember{std::string(name), {}});
    }
    member->peer_urls.push_back(*std::move(url));
  }
  return members;
}

}  // namespace synod
