// What a replica knows after a restart: its log and its state engine put together.
#ifndef SYNOD_SERVICES_NODE_RECOVERY_H_
#define SYNOD_SERVICES_NODE_RECOVERY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "common/ids.h"
#include "services/paxos/message.h"
#include "services/paxos/record.h"
#include "services/storage/acceptor_log.h"

namespace synod::node {

// `log` is the group's state, `applied` what the engine holds, `values` the log's values above
// `applied`, ascending. Values through the log's hint are chosen (acceptor_log.h); what lies above is
// handed on as accepted.
//
// DataLoss when the log has been cut above what the engine holds, or lacks a value that it must
// hold: one at or below the hint.
absl::StatusOr<paxos::RecoveredState> Recover(const storage::GroupLogState& log, Slot applied,
                                              std::vector<paxos::AcceptedValue> values);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_RECOVERY_H_
