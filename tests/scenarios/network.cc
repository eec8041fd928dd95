#include "tests/scenarios/network.h"

#include <algorithm>
#include <iterator>

#include "tests/scenarios/words.h"

namespace synod::scenarios {

bool MessageFilter::Matches(const paxos::Message& message) const {
  return (!from || message.from == from) && (!to || message.to == to) &&
         (kind.empty() || KindOf(message.body) == kind) && (!slot || SlotOf(message.body) == slot);
}

void Network::Repeat(const MessageFilter& filter) {
  const std::deque<paxos::Message> before = under_way_;
  std::copy_if(before.begin(), before.end(), std::back_inserter(under_way_),
               [&](const paxos::Message& message) { return filter.Matches(message); });
}

std::optional<paxos::Message> Network::TakeFirst(
    const std::function<bool(const paxos::Message&)>& wanted) {
  const auto at = std::find_if(under_way_.begin(), under_way_.end(), wanted);
  if (at == under_way_.end()) return std::nullopt;
  paxos::Message message = std::move(*at);
  under_way_.erase(at);
  return message;
}

}  // namespace synod::scenarios
