// Commands that wait for a slot (at the leader) or for a leader (elsewhere), in arrival order.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_COMMAND_QUEUE_H_
#define SYNOD_SERVICES_PAXOS_COMMAND_QUEUE_H_

#include <cstddef>
#include <deque>
#include <vector>

#include "common/ids.h"
#include "services/paxos/value.h"

namespace synod::paxos {

class CommandQueue {
 public:
  explicit CommandQueue(size_t max_bytes) : max_bytes_(max_bytes) {}

  // False when the bound would be passed.
  bool Push(Command command);

  // At least one command, then more of the same kind while they fit in `max_bytes`; a change of
  // configuration comes alone. Precondition: not empty.
  std::vector<Command> Take(size_t max_bytes);

  // Drops what other nodes forwarded to this one while it led.
  void KeepOnlyFrom(NodeId origin);

  bool empty() const { return commands_.empty(); }
  // What Take would begin with. Precondition: not empty.
  CommandKind next_kind() const { return commands_.front().kind; }
  size_t bytes() const { return bytes_; }

 private:
  // Queue entries cost memory even when payloads are tiny.
  static size_t SizeOf(const Command& command) { return sizeof command + command.payload.size(); }

  size_t max_bytes_;
  size_t bytes_ = 0;
  std::deque<Command> commands_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_COMMAND_QUEUE_H_
