// Hands an operation of the history to a node, as its gRPC threads would.
#ifndef SYNOD_TESTS_SIM_DELIVER_H_
#define SYNOD_TESTS_SIM_DELIVER_H_

#include <cstddef>
#include <functional>
#include <variant>

#include "tests/sim/history.h"
#include "tests/sim/node.h"

namespace synod::sim {

using Reply = std::variant<WriteReply, ReadReply>;
using ReplyDone = std::function<void(Reply&&)>;

inline Outcome OutcomeOf(const Reply& reply) {
  return std::visit([](const auto& answer) { return answer.outcome; }, reply);
}

// The reply that fits the operation, with this outcome.
Reply ReplyWithout(const Operation& operation, Outcome outcome);

// `done` as Node::Write and Node::Read tell. Notes the command that a write became.
void Deliver(Node& node, History& history, size_t operation, ReplyDone done);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_DELIVER_H_
