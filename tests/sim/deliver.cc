#include "tests/sim/deliver.h"

#include <utility>

namespace synod::sim {

Reply ReplyWithout(const Operation& operation, Outcome outcome) {
  if (std::holds_alternative<WriteOperation>(operation.body)) return WriteReply{outcome, {}};
  return ReadReply{outcome, {}, 0};
}

void Deliver(Node& node, History& history, size_t operation, ReplyDone done) {
  history[operation].node = node.id();
  if (const auto* read = std::get_if<ReadOperation>(&history[operation].body)) {
    node.Read(read->request, read->min_revision, std::move(done));
    return;
  }
  const paxos::CommandId command =
      node.Write(std::get<WriteOperation>(history[operation].body).request, std::move(done));
  auto& write = std::get<WriteOperation>(history[operation].body);
  if (!write.command.origin) {
    write.command = command;
  } else if (command.origin) {
    write.repeats.push_back(command);
  }
}

}  // namespace synod::sim
