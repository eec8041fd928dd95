#include "tests/sim/message_trace.h"

#include <variant>

#include "tests/scenarios/words.h"

namespace synod::sim {
namespace {

using paxos::Ballot;
using paxos::MessageBody;

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
  world.Note(node, what,
             {{"kind", message.body.index(), scenarios::KindOf(message.body)},
              {"from", message.from.value()},
              {"to", message.to.value()},
              {"round", ballot.round},
              {"of", ballot.node.value()},
              {"slot", SlotOf(message.body).value()}});
}

}  // namespace synod::sim
