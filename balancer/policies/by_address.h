// State a policy keeps per backend, by address, so that it outlives changes of the view.
#ifndef SYNOD_BALANCER_POLICIES_BY_ADDRESS_H_
#define SYNOD_BALANCER_POLICIES_BY_ADDRESS_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "balancer/view/view.h"

namespace synod::balancer {

// Thread-safety: none; one policy owns it.
template <class T>
class ByAddress {
 public:
  // Null for an address not seen yet. The pointer lasts until the next Insert or Prune.
  T* Find(const Backend& backend) {
    const auto found = states_.find(backend.address);
    return found == states_.end() ? nullptr : &found->second;
  }

  T& Insert(const Backend& backend, T state) {
    return states_.insert_or_assign(backend.address, std::move(state)).first->second;
  }

  // Bounds the memory where addresses come and go for years: forgets all but `candidates` once
  // there are many more states than those.
  void Prune(absl::Span<const Backend* const> candidates) {
    if (states_.size() <= 4 * candidates.size() + 64) return;
    absl::flat_hash_map<std::string, T> kept;
    for (const Backend* backend : candidates) {
      if (T* state = Find(*backend)) kept.emplace(backend->address, std::move(*state));
    }
    states_ = std::move(kept);
  }

 private:
  absl::flat_hash_map<std::string, T> states_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_POLICIES_BY_ADDRESS_H_
