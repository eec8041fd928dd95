// A message as a line of the trace.
#ifndef SYNOD_TESTS_SIM_MESSAGE_TRACE_H_
#define SYNOD_TESTS_SIM_MESSAGE_TRACE_H_

#include "absl/strings/string_view.h"
#include "services/paxos/message.h"
#include "tests/sim/world.h"

namespace synod::sim {

// `what` happened to it at `node`: its kind, ends, and the ballot and slot it is about, if any.
void NoteMessage(World& world, NodeId node, absl::string_view what, const paxos::Message& message);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_MESSAGE_TRACE_H_
