#include "tests/sim/message_trace.h"

#include <array>
#include <variant>

namespace synod::sim {
namespace {

using paxos::Ballot;
using paxos::MessageBody;

// In the order of MessageBody.
constexpr std::array<const char*, std::variant_size_v<MessageBody>> kKinds = {
    "Probe",        "ProbeReply", "Prepare",        "Promise",     "Reject",    "Accept",
    "Accepted",     "Heartbeat",  "HeartbeatReply", "ReadRequest", "ReadReply", "Forward",
    "LearnRequest", "Learned",    "SnapshotOffer",  "TakeOver",    "Greeting"};

Ballot BallotOf(const MessageBody& body) {
  return std::visit(
      [](const auto& message) {
        if constexpr (requires { message.ballot; }) {
          return message.ballot;
        } else {
          return Ballot();
        }
      },
      body);
}

Slot SlotOf(const MessageBody& body) {
  return std::visit(
      [](const auto& message) {
        if constexpr (requires { message.slot; }) {
          return message.slot;
        } else if constexpr (requires { message.first_slot; }) {
          return message.first_slot;
        } else if constexpr (requires { message.chosen_through; }) {
          return message.chosen_through;
        } else {
          return Slot();
        }
      },
      body);
}

}  // namespace

void NoteMessage(World& world, NodeId node, absl::string_view what, const paxos::Message& message) {
  const Ballot ballot = BallotOf(message.body);
  const size_t kind = message.body.index();
  world.Note(node, what,
             {{"kind", kind, kKinds[kind]},
              {"from", message.from.value()},
              {"to", message.to.value()},
              {"round", ballot.round},
              {"of", ballot.node.value()},
              {"slot", SlotOf(message.body).value()}});
}

}  // namespace synod::sim
