// Gathers the effects of inputs until the driver takes them, and keeps track of what is durable.
//
// Invariant: a message put in with SendAfterSync leaves (or, addressed to this node itself, comes
// back through TakeDelivered) only when every record put in before it is durable.
//
// Thread-safety: none.
#ifndef SYNOD_SERVICES_PAXOS_OUTBOX_H_
#define SYNOD_SERVICES_PAXOS_OUTBOX_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "services/paxos/message.h"
#include "services/paxos/ready.h"

namespace synod::paxos {

class Outbox {
 public:
  Outbox(GroupId group, NodeId self) : group_(group), self_(self) {}

  // Precondition: `to` is another node.
  void Send(NodeId to, MessageBody body);
  // To this node itself only behind a record: a vote or promise that needs no sync was given
  // before.
  void SendAfterSync(NodeId to, MessageBody body);
  // The token that covers the record.
  PersistToken Persist(RecordBody body);

  // True while records wait to be taken or to become durable.
  bool Syncing() const { return !ready_.records.empty() || persisted_ < issued_; }
  bool IsDurable(PersistToken token) const { return token <= persisted_; }
  // Since when (ticks) the oldest record taken is not durable; nothing when all are.
  std::optional<uint64_t> SyncingSince() const;

  void OnPersisted(PersistToken token);
  // The next message of this node to itself whose records are durable.
  std::optional<MessageBody> TakeDelivered();

  void AddRead(SafeRead read) { ready_.reads.push_back(read); }
  void AddSnapshotFetch(SnapshotFetch fetch) { ready_.snapshot_fetch = fetch; }
  void AddLearnReply(LearnReply reply) { ready_.learn_replies.push_back(reply); }

  bool empty() const;
  // Everything gathered, but for `chosen`.
  Ready Take(uint64_t now);

 private:
  // The token that covers every record so far; 0 when all of them are durable.
  PersistToken CoveringToken() const;

  struct ToSelf {
    PersistToken token = 0;
    MessageBody body;
  };
  struct Issued {
    PersistToken token = 0;
    uint64_t at = 0;
  };

  GroupId group_;
  NodeId self_;
  Ready ready_;
  PersistToken issued_ = 0;
  PersistToken persisted_ = 0;
  std::deque<Issued> not_durable_;
  std::deque<ToSelf> to_self_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_OUTBOX_H_
