// States that were found damaged, put aside as <data-dir>/state.damaged-<n> for whoever wants to
// know what their disk has done: a higher number is a newer one.
//
// Thread-safety: free functions, of one data directory from one thread at a time.
#ifndef SYNOD_SERVICES_NODE_DAMAGED_STATES_H_
#define SYNOD_SERVICES_NODE_DAMAGED_STATES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/storage/env.h"

namespace synod::node {

// Moves `state`, a directory in `data_dir`, aside, durably; says where to.
absl::StatusOr<std::string> PutAside(storage::Env* env, const std::string& data_dir,
                                     const std::string& state);

// Removes all but the newest two: a disk that fails again and again must not fill itself with
// copies of the database. To be called only when the present state and log are whole, since until
// then one of these may be the only copy there is. Says which were removed; what cannot be is tried
// again at the next call.
std::vector<std::string> RemoveOldDamagedStates(storage::Env* env, const std::string& data_dir);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_DAMAGED_STATES_H_
