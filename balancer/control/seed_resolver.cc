#include "balancer/control/seed_resolver.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::balancer {

absl::StatusOr<std::vector<std::string>> ResolveBySystem(const HostPort& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(name.host.c_str(), nullptr, &hints, &list);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  if (error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot resolve ", name.host, ": ", gai_strerror(error)));
  }
  std::vector<std::string> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof text, nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      addresses.push_back(HostPort{text, name.port}.ToString());
    }
  }
  return addresses;
}

SeedResolver::SeedResolver(HostPort name, absl::Duration interval, ResolveFunction resolve,
                           OnResult on_result)
    : name_(std::move(name)),
      interval_(interval),
      resolve_(std::move(resolve)),
      on_result_(std::move(on_result)),
      thread_([this] { Run(); }) {}

SeedResolver::~SeedResolver() {
  stopping_.Notify();
  thread_.join();
}

void SeedResolver::Run() {
  do {
    auto addresses = resolve_(name_);
    if (addresses.ok()) {
      std::sort(addresses->begin(), addresses->end());
      addresses->erase(std::unique(addresses->begin(), addresses->end()), addresses->end());
      if (addresses->empty()) {
        addresses = absl::UnavailableError(absl::StrCat(name_.host, " has no addresses"));
      }
    }
    on_result_(addresses);
  } while (!stopping_.WaitWithTimeout(interval_));
}

}  // namespace synod::balancer
