#include "services/paxos/command_queue.h"

#include <utility>

#include "common/check.h"

namespace synod::paxos {

bool CommandQueue::Push(Command command) {
  const size_t size = SizeOf(command);
  if (bytes_ + size > max_bytes_) return false;
  bytes_ += size;
  commands_.push_back(std::move(command));
  return true;
}

std::vector<Command> CommandQueue::Take(size_t max_bytes) {
  SYNOD_CHECK(!empty());
  std::vector<Command> taken;
  size_t size = 0;
  do {
    const size_t next = SizeOf(commands_.front());
    if (!taken.empty() && (size + next > max_bytes || next_kind() != taken[0].kind)) break;
    size += next;
    taken.push_back(std::move(commands_.front()));
    commands_.pop_front();
  } while (!empty() && taken[0].kind == CommandKind::kRequest);
  bytes_ -= size;
  return taken;
}

void CommandQueue::KeepOnlyFrom(NodeId origin) {
  std::erase_if(commands_, [&](const Command& command) {
    if (command.id.origin == origin) return false;
    bytes_ -= SizeOf(command);
    return true;
  });
}

}  // namespace synod::paxos
