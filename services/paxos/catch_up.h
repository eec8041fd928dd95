// Fetching chosen values that went past this node: one request outstanding, to the peer known to be
// furthest ahead; one that does not answer in time is forgotten until it speaks again.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_CATCH_UP_H_
#define SYNOD_SERVICES_PAXOS_CATCH_UP_H_

#include <cstdint>
#include <map>
#include <optional>

#include "common/ids.h"

namespace synod::paxos {

class CatchUp {
 public:
  explicit CatchUp(int retry_ticks) : retry_ticks_(retry_ticks) {}

  // `peer` knows every slot through `chosen_through`.
  void Saw(NodeId peer, Slot chosen_through);

  // Whom to ask for chosen_through+1 on, if that is due at `now` (ticks).
  std::optional<NodeId> Due(Slot chosen_through, uint64_t now);

  // An answer came: more may be asked for at once.
  void Answered() { asked_.reset(); }

 private:
  struct Asked {
    NodeId peer;
    uint64_t at = 0;
  };

  int retry_ticks_;
  std::map<NodeId, Slot> known_;  // at most one entry a voter
  std::optional<Asked> asked_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_CATCH_UP_H_
