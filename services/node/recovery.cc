#include "services/node/recovery.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::node {
namespace {

// Every slot in (`begin`, `hint`] must be accounted for; the first that is not, or Slot().
Slot FirstMissing(Slot begin, Slot hint, const std::set<Slot>& known) {
  for (Slot slot = begin.next(); slot <= hint; ++slot) {
    if (!known.contains(slot)) return slot;
  }
  return Slot();
}

}  // namespace

absl::StatusOr<paxos::RecoveredState> Recover(const storage::GroupLogState& log, uint64_t instance,
                                              Slot applied,
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

  std::set<Slot> accounted;  // through the hint
  std::set<Slot> doubtful;   // the log's value may not be its last one there
  for (const paxos::UnknownVote& vote : log.unknown) {
    accounted.insert(vote.slot);
    doubtful.insert(vote.slot);
    if (vote.slot > applied) recovered.unknown.push_back(vote);
  }
  for (paxos::AcceptedValue& value : values) {
    const bool learned = !value.ballot;
    const bool superseded = !learned && value.ballot < log.lost_through;
    if (value.slot <= log.chosen_hint) accounted.insert(value.slot);
    if (value.slot <= log.chosen_hint && !superseded && !doubtful.contains(value.slot)) {
      recovered.chosen.push_back({value.slot, std::move(value.value)});
    } else if (!learned) {
      recovered.promised = std::max(recovered.promised, value.ballot);
      recovered.accepted.push_back(std::move(value));
    }
  }
  if (log.lost_through) return recovered;
  if (const Slot missing =
          FirstMissing(std::max(applied, log.cut_through), log.chosen_hint, accounted)) {
    return absl::DataLossError(absl::StrCat(
        "the acceptor log knows that slots through ", log.chosen_hint.value(),
        " are chosen, but slot ", missing.value(),
        " is missing from it without a trace: restore the data directory, or replace this member"));
  }
  return recovered;
}

}  // namespace synod::node
