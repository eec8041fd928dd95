#include "services/node/recovery.h"

#include <algorithm>
#include <set>
#include <utility>

namespace synod::node {

paxos::RecoveredState Recover(const storage::GroupLogState& log, uint64_t instance, Slot applied,
                              paxos::ConfigurationHistory configurations,
                              std::vector<paxos::AcceptedValue> values) {
  paxos::RecoveredState recovered;
  recovered.promised = log.promised;
  recovered.applied = applied;
  recovered.vote_floor = log.cut_through;
  recovered.lost_through = log.lost_through;
  recovered.instance = instance;
  recovered.founded = log.founded;
  recovered.instances = log.instances;
  recovered.configurations = std::move(configurations);

  // The log's value may not be its last one there, or nothing more than a vote.
  std::set<Slot> doubtful(log.reopened.begin(), log.reopened.end());
  for (const paxos::UnknownVote& vote : log.unknown) {
    doubtful.insert(vote.slot);
    if (vote.slot > applied) recovered.unknown.push_back(vote);
  }
  for (paxos::AcceptedValue& value : values) {
    const bool learned = !value.ballot;
    const bool superseded = !learned && value.ballot < log.lost_through;
    if (value.slot <= log.chosen_hint && !superseded && !doubtful.contains(value.slot)) {
      recovered.chosen.push_back({value.slot, std::move(value.value)});
    } else if (!learned) {
      recovered.promised = std::max(recovered.promised, value.ballot);
      recovered.accepted.push_back(std::move(value));
    }
  }
  return recovered;
}

}  // namespace synod::node
