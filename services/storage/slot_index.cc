#include "services/storage/slot_index.h"

#include <algorithm>

namespace synod::storage {

void SlotIndex::Add(uint64_t segment, const RecordDescriptor& record) {
  Group& group = groups_[record.key.group];
  group.chosen_hint = std::max(group.chosen_hint, record.chosen_through);
  // record.h: a learned record proves that everything before it is chosen too.
  if (record.key.kind == RecordKind::kLearned) {
    group.chosen_hint = std::max(group.chosen_hint, record.key.slot);
  }
  if (record.key.slot <= group.cut_through) return;
  const Entry fresh{segment,       record.checksum, record.key.ballot,
                    record.offset, record.length,   record.key.kind};
  const auto [found, inserted] = group.slots.try_emplace(record.key.slot, fresh);
  if (inserted) return;
  const Entry& old = found->second;
  const bool wins = fresh.kind == RecordKind::kLearned ||
                    (old.kind != RecordKind::kLearned && fresh.ballot >= old.ballot);
  if (wins) found->second = fresh;
}

void SlotIndex::CutThrough(GroupId id, Slot slot) {
  Group& group = groups_[id];
  if (slot <= group.cut_through) return;
  group.cut_through = slot;
  group.chosen_hint = std::max(group.chosen_hint, slot);
  group.slots.erase(group.slots.begin(), group.slots.upper_bound(slot));
}

Slot SlotIndex::cut_through(GroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? Slot() : found->second.cut_through;
}

Slot SlotIndex::chosen_hint(GroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? Slot() : found->second.chosen_hint;
}

std::vector<RecordLocation> SlotIndex::Run(GroupId id, Slot first, Slot last,
                                           size_t max_bytes) const {
  std::vector<RecordLocation> run;
  const auto group = groups_.find(id);
  if (group == groups_.end()) return run;
  size_t bytes = 0;
  for (auto it = group->second.slots.find(first); it != group->second.slots.end(); ++it) {
    const auto& [slot, entry] = *it;
    bytes += entry.length;
    const bool gap = slot - first != run.size();
    if (gap || slot > last || (!run.empty() && bytes > max_bytes)) break;
    run.push_back(Locate(id, slot, entry));
  }
  return run;
}

std::vector<RecordLocation> SlotIndex::Above(GroupId id, Slot slot) const {
  std::vector<RecordLocation> above;
  const auto group = groups_.find(id);
  if (group == groups_.end()) return above;
  const auto& slots = group->second.slots;
  for (auto it = slots.upper_bound(slot); it != slots.end(); ++it) {
    above.push_back(Locate(id, it->first, it->second));
  }
  return above;
}

RecordLocation SlotIndex::Locate(GroupId group, Slot slot, const Entry& entry) {
  RecordDescriptor record;
  record.key = {entry.kind, group, slot, entry.ballot};
  record.offset = entry.offset;
  record.length = entry.length;
  record.checksum = entry.checksum;
  return {entry.segment, record};
}

}  // namespace synod::storage
