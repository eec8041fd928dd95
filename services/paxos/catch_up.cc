#include "services/paxos/catch_up.h"

#include <algorithm>

namespace synod::paxos {

void CatchUp::Saw(NodeId peer, Slot chosen_through) {
  Slot& known = known_[peer];
  known = std::max(known, chosen_through);
}

std::optional<NodeId> CatchUp::Due(Slot chosen_through, uint64_t now) {
  if (asked_) {
    if (now - asked_->at < static_cast<uint64_t>(retry_ticks_)) return std::nullopt;
    known_.erase(asked_->peer);
    asked_.reset();
  }
  const auto furthest =
      std::max_element(known_.begin(), known_.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  if (furthest == known_.end() || furthest->second <= chosen_through) return std::nullopt;
  asked_ = Asked{furthest->first, now};
  return furthest->first;
}

}  // namespace synod::paxos
