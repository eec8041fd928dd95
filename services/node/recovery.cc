#include "services/node/recovery.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace synod::node {

absl::StatusOr<paxos::RecoveredState> Recover(const storage::GroupLogState& log, Slot applied,
                                              std::vector<paxos::AcceptedValue> values) {
  if (log.cut_through > applied) {
    return absl::DataLossError(absl::StrCat(
        "the state engine holds slots through ", applied.value(), ", but the log begins at ",
        log.cut_through.next().value(),
        "; the state directory was lost or replaced: restore it, or replace this member"));
  }
  paxos::RecoveredState recovered;
  recovered.promised = log.promised;
  recovered.applied = applied;
  recovered.chosen_through = applied;
  for (paxos::AcceptedValue& value : values) {
    recovered.promised = std::max(recovered.promised, value.ballot);
    if (value.slot > log.chosen_hint) {
      recovered.accepted.push_back(std::move(value));
    } else if (value.slot == recovered.chosen_through.next()) {
      recovered.chosen_through = value.slot;
      recovered.chosen.push_back({value.slot, std::move(value.value)});
    }
  }
  if (recovered.chosen_through < log.chosen_hint) {
    return absl::DataLossError(absl::StrCat(
        "the acceptor log knows that slots through ", log.chosen_hint.value(),
        " are chosen, but slot ", recovered.chosen_through.next().value(),
        " is missing from it: restore the data directory, or replace this member"));
  }
  return recovered;
}

}  // namespace synod::node
