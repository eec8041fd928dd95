// Fetching chosen values that went past this node: one request outstanding, to the peer known to be
// furthest ahead; when it does not answer in time, to the others in turn: they may have what it
// lost.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_CATCH_UP_H_
#define SYNOD_SERVICES_PAXOS_CATCH_UP_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "common/ids.h"

namespace synod::paxos {

class CatchUp {
 public:
  explicit CatchUp(int retry_ticks) : retry_ticks_(retry_ticks) {}

  // The other members, who may be asked.
  void SetPeers(std::vector<NodeId> peers) { peers_ = std::move(peers); }

  // `peer` knows every slot through `chosen_through`.
  void Saw(NodeId peer, Slot chosen_through);

  // Whom to ask for chosen_through+1 on, if that is due at `now` (ticks).
  std::optional<NodeId> Due(Slot chosen_through, uint64_t now);

  // An answer came: more may be asked for at once.
  void Answered();

 private:
  std::vector<NodeId> peers_;
  int retry_ticks_;
  Slot target_;  // the highest slot anybody is known to have
  NodeId furthest_;
  std::optional<uint64_t> asked_at_;
  size_t unanswered_ = 0;  // in a row
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_CATCH_UP_H_
