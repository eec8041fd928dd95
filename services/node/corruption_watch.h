// Compares what the members hold and raises etcd's CORRUPT alarm for whoever holds something else.
// From then on nothing is written until an operator has disarmed the alarm.
//
// It compares hashes of one revision (kv::ReadView::Hash), so members are asked one after the
// other, while the cluster goes on. It sees what no checksum can: values that were wrong before
// they were stored, or that a replica made of the same log otherwise. A member that does not
// answer, or cannot read its own blocks, is left out: that is no sign of other data.
//
// Thread-safety: Compare from one thread at a time; Stop from any.
#ifndef SYNOD_SERVICES_NODE_CORRUPTION_WATCH_H_
#define SYNOD_SERVICES_NODE_CORRUPTION_WATCH_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/ids.h"
#include "common/log/log.h"
#include "common/steady_wait.h"
#include "services/kv/state_machine.h"
#include "services/rpc/backend.h"

namespace synod::node {

struct MemberHash {
  NodeId member;
  kv::HashResponse hash;  // of the same revision for all
  bool votes = true;
};

// Whose data cannot be trusted, ascending. Where hashes differ that can be compared, as their
// compaction floors are the same: everybody but those whose hash more than half of all `voters`
// have. Without such a majority that is everybody who was compared.
std::vector<NodeId> Deviating(absl::Span<const MemberHash> hashes, size_t voters);

class CorruptionWatch {
 public:
  // Node::AskForHash.
  using Ask = std::function<absl::StatusOr<kv::HashResponse>(NodeId member, kv::Revision revision,
                                                             kv::GiveUp give_up)>;

  // The pointers outlive this.
  CorruptionWatch(rpc::Backend* backend, Ask ask, Log* log);

  // If this member leads others: compares all members, once, and raises what alarms are due. Takes
  // as long as all of them take to read their stores. What could not be compared, or raised, is
  // left to the next time.
  void Compare();

  // Compare returns within a second or so, from now on at once.
  void Stop() { stopped_.Notify(); }

 private:
  // Of those who could be asked, this member first.
  std::vector<MemberHash> Collect(const rpc::NodeStatus& status);
  void Raise(NodeId member);

  rpc::Backend* const backend_;
  const Ask ask_;
  Log* const log_;
  Event stopped_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_CORRUPTION_WATCH_H_
