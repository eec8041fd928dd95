// What a replica wants done after some inputs. The driver carries it out and owns every effect:
//
//   1. hand `messages` to the transport at once;
//   2. make `records` durable in order, behind all earlier ones; when that is done send
//      `messages_after_sync` and call Replica::Persisted(token). Many Readys may share one sync;
//   3. apply `chosen` in order, then call Replica::Applied;
//   4. answer each read of `reads` once its slot is applied;
//   5. for each of `learn_replies`, read values from the log and send them in a Learned message.
//      Read behind the records of this and all earlier Readys: before that the log may still show
//      a value that was accepted in the slot and lost to the chosen one. When first_slot has been
//      cut from the log (or is Slot()), send a SnapshotOffer instead;
//   6. carry out `snapshot_fetch` beside all else.
//
// A Ready whose record list is empty has no token and no messages_after_sync of its own, unless
// earlier records are still unsynced: then messages_after_sync waits for those.
#ifndef SYNOD_SERVICES_PAXOS_READY_H_
#define SYNOD_SERVICES_PAXOS_READY_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "common/ids.h"
#include "services/paxos/message.h"
#include "services/paxos/record.h"

namespace synod::paxos {

// Ascending; persisting token t implies that all tokens below t are durable.
using PersistToken = uint64_t;

struct SafeRead {
  uint64_t read_id = 0;
  Slot slot;  // linearizable once applied
};

// "Send `to` the chosen values from first_slot up to last_slot", as many as fit in one message.
struct LearnReply {
  NodeId to;
  Slot first_slot;
  Slot last_slot;
};

// "Fetch a snapshot from this node and install it": of a slot at or above at_least. The driver ends
// it with Replica::Installed or Replica::FetchFailed; there is never more than one.
struct SnapshotFetch {
  NodeId from;
  Slot at_least;
};

struct Ready {
  std::vector<Message> messages;
  std::vector<Record> records;
  std::vector<Message> messages_after_sync;
  PersistToken token = 0;  // of `records` and messages_after_sync; 0 when there is nothing to sync
  // Contiguous with what was handed out before, each durable in the own log: the applied state may
  // become durable at any time, and must not get ahead of the log.
  std::vector<ChosenValue> chosen;
  std::vector<SafeRead> reads;
  std::vector<LearnReply> learn_replies;
  std::optional<SnapshotFetch> snapshot_fetch;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_READY_H_
