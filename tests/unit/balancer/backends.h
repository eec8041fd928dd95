// Backends and views for tests of policies and routing.
#ifndef SYNOD_TESTS_UNIT_BALANCER_BACKENDS_H_
#define SYNOD_TESTS_UNIT_BALANCER_BACKENDS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "balancer/view/view.h"

namespace synod::balancer {

// Ready backends a, b, c, ... with addresses 10.0.0.1:2379, 10.0.0.2:2379, ...
inline std::vector<Backend> ReadyBackends(size_t count) {
  std::vector<Backend> backends(count);
  for (size_t i = 0; i < count; ++i) {
    backends[i].name = std::string(1, static_cast<char>('a' + i));
    backends[i].address = absl::StrCat("10.0.0.", i + 1, ":2379");
    backends[i].state = BackendState::kReady;
    backends[i].stats = std::make_shared<BackendStats>();
  }
  return backends;
}

inline std::vector<const Backend*> Pointers(const std::vector<Backend>& backends) {
  std::vector<const Backend*> pointers;
  for (const Backend& backend : backends) pointers.push_back(&backend);
  return pointers;
}

}  // namespace synod::balancer

#endif  // SYNOD_TESTS_UNIT_BALANCER_BACKENDS_H_
