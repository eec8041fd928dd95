// What a node does when it must not go on: a replica that forgets a promise is worse than a dead
// one.
#ifndef SYNOD_SERVICES_NODE_FATAL_H_
#define SYNOD_SERVICES_NODE_FATAL_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace synod::node {

// Called at most once per thread, with what was being done and why it failed; ends the process in
// production. The calling thread does nothing more when it returns.
using FatalHandler = std::function<void(absl::string_view doing, const absl::Status& why)>;

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_FATAL_H_
