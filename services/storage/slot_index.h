// Where each group's values lie: slot -> newest record that counts; and of which slots the newest
// record is lost. In memory, bounded by the log.
//
// Of the records of one slot a learned one wins over all, then the highest ballot, then the newest.
//
// Records are told in the order in which they were written. An acceptor's ballots never fall from
// one record to the next, so a newer record of a slot makes up for an older one that is lost.
//
// Thread-safety: none; the log guards it.
#ifndef SYNOD_SERVICES_STORAGE_SLOT_INDEX_H_
#define SYNOD_SERVICES_STORAGE_SLOT_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "common/ids.h"
#include "services/paxos/message.h"
#include "services/storage/record_codec.h"

namespace synod::storage {

struct RecordLocation {
  uint64_t segment = 0;
  RecordDescriptor record;
};

class SlotIndex {
 public:
  // Ignored when the slot has been cut.
  void Add(uint64_t segment, const RecordDescriptor& record);

  // This record was acknowledged and its value cannot be read.
  void Lose(const RecordDescriptor& record);

  // Here, or in segments that have been cut, stood records that are lost without a trace, with
  // ballots up to `bound`. So whatever is held above the chosen prefix, as known here, may have
  // been outvoted or replaced.
  void Doubt(GroupId group, paxos::Ballot bound);

  // After the last record: marks the slots of the chosen prefix of which nothing is held. Their
  // records are lost without a trace, too.
  void DoubtGaps(GroupId group, paxos::Ballot bound);

  // Forgets the group's slots at or below `slot`; a lower slot than before changes nothing.
  void CutThrough(GroupId group, Slot slot);

  Slot cut_through(GroupId group) const;
  Slot chosen_hint(GroupId group) const;  // never below cut_through

  bool IsLost(GroupId group, Slot slot) const;

  // Slots at or below the hint of which the newest record is a vote that was written after the
  // hint, ascending: damage had opened the slot again. Until a later record's hint covers it, or
  // the slot is learned, that vote proves nothing.
  std::vector<Slot> reopened(GroupId group) const;

  // As GroupLogState::unknown.
  std::vector<paxos::UnknownVote> unknown(GroupId group) const;

  // Consecutive slots from `first` through `last`, up to the first gap or unknown vote and, after
  // the first record, to `max_bytes` of values.
  std::vector<RecordLocation> Run(GroupId group, Slot first, Slot last, size_t max_bytes) const;

  // All slots above `slot`, ascending.
  std::vector<RecordLocation> Above(GroupId group, Slot slot) const;

 private:
  // Leaner than RecordLocation: group and slot are the keys, and the hint is kept once per group.
  struct Entry {
    uint64_t segment;
    uint64_t checksum;
    paxos::Ballot ballot;
    uint32_t offset;
    uint32_t length;
    RecordKind kind;
  };
  struct Group {
    absl::btree_map<Slot, Entry> slots;
    absl::btree_map<Slot, paxos::Ballot> lost;  // the newest record; votes up to there are missing
    absl::btree_set<Slot> reopened;
    paxos::Ballot traceless;  // votes up to there may be missing in any slot
    Slot cut_through;
    Slot chosen_hint;
  };

  static void CloseAgain(Group& group, const RecordDescriptor& record);
  static void Hint(Group& group, const RecordDescriptor& record);
  static RecordLocation Locate(GroupId group, Slot slot, const Entry& entry);

  std::map<GroupId, Group> groups_;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SLOT_INDEX_H_
