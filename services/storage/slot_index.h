// Where each group's values lie: slot -> newest record that counts. In memory, bounded by the log.
//
// Of the records of one slot a learned one wins over all, then the highest ballot, then the newest.
//
// Thread-safety: none; the log guards it.
#ifndef SYNOD_SERVICES_STORAGE_SLOT_INDEX_H_
#define SYNOD_SERVICES_STORAGE_SLOT_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/container/btree_map.h"
#include "common/ids.h"
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

  // Forgets the group's slots at or below `slot`; a lower slot than before changes nothing.
  void CutThrough(GroupId group, Slot slot);

  Slot cut_through(GroupId group) const;
  Slot chosen_hint(GroupId group) const;  // never below cut_through

  // Consecutive slots from `first` through `last`, up to the first gap and, after the first record,
  // to `max_bytes` of values.
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
    Slot cut_through;
    Slot chosen_hint;
  };

  static RecordLocation Locate(GroupId group, Slot slot, const Entry& entry);

  std::map<GroupId, Group> groups_;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_SLOT_INDEX_H_
