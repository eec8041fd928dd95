#include "services/paxos/catch_up.h"

namespace synod::paxos {

void CatchUp::Saw(NodeId peer, Slot chosen_through) {
  // At equal watermarks the latest speaker is the likeliest to be alive.
  if (chosen_through < target_) return;
  target_ = chosen_through;
  furthest_ = peer;
}

std::optional<NodeId> CatchUp::Due(Slot chosen_through, uint64_t now) {
  if (target_ <= chosen_through || peers_.empty()) {
    Answered();
    return std::nullopt;
  }
  if (asked_at_) {
    if (now - *asked_at_ < static_cast<uint64_t>(retry_ticks_)) return std::nullopt;
    ++unanswered_;
  }
  asked_at_ = now;
  return unanswered_ == 0 ? furthest_ : peers_[unanswered_ % peers_.size()];
}

void CatchUp::Answered() {
  asked_at_.reset();
  unanswered_ = 0;
}

}  // namespace synod::paxos
