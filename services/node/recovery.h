// What a replica knows after a restart: its log and its state engine put together.
#ifndef SYNOD_SERVICES_NODE_RECOVERY_H_
#define SYNOD_SERVICES_NODE_RECOVERY_H_

#include <cstdint>
#include <vector>

#include "common/ids.h"
#include "services/paxos/configuration.h"
#include "services/paxos/message.h"
#include "services/paxos/record.h"
#include "services/storage/acceptor_log.h"

namespace synod::node {

// `log` is the group's state in the log of `instance`, `values` the log's values above `applied`,
// ascending; `applied` is what the engine holds, `configurations` those of that slot.
//
// Values through the log's hint are chosen (acceptor_log.h) unless damage may hide a newer one of
// their slot, or had opened it to votes again; all others are handed on as accepted. An engine that
// is behind the log's cut is legal: the replica then waits for a snapshot.
//
// It never refuses: what the log has lost it names, and a log that must not vote does not open.
paxos::RecoveredState Recover(const storage::GroupLogState& log, uint64_t instance, Slot applied,
                              paxos::ConfigurationHistory configurations,
                              std::vector<paxos::AcceptedValue> values);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_RECOVERY_H_
