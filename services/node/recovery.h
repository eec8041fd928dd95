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
// `applied`, ascending. Values through the log's hint are chosen (acceptor_log.h) as long as none
// is missing before them; everything else is handed on as accepted. A learned value behind a gap is
// reported at the ballot promised: being chosen, it is what any later ballot proposes, and
// reporting it low could let an older, never chosen value win phase 1.
//
// DataLoss when the log has been cut above what the engine holds.
absl::StatusOr<paxos::RecoveredState> Recover(const storage::GroupLogState& log, Slot applied,
                                              std::vector<paxos::AcceptedValue> values);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_RECOVERY_H_
