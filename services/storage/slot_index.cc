#include "services/storage/slot_index.h"

#include <algorithm>

namespace synod::storage {

void SlotIndex::Add(uint64_t segment, const RecordDescriptor& record) {
  Group& group = groups_[record.key.group];
  CloseAgain(group, record);
  Hint(group, record);
  if (record.key.slot <= group.cut_through) return;
  const bool learned = record.key.kind == RecordKind::kLearned;
  group.lost.erase(record.key.slot);
  const Entry fresh{segment,       record.checksum, record.key.ballot,
                    record.offset, record.length,   record.key.kind};
  const auto [found, inserted] = group.slots.try_emplace(record.key.slot, fresh);
  const Entry& old = found->second;
  const bool wins =
      inserted || learned || (old.kind != RecordKind::kLearned && fresh.ballot >= old.ballot);
  if (!wins) return;
  found->second = fresh;
  if (!learned && record.key.slot <= group.chosen_hint) group.reopened.insert(record.key.slot);
}

void SlotIndex::Lose(const RecordDescriptor& record) {
  Group& group = groups_[record.key.group];
  // What the record said about other slots was true, and its descriptor is intact.
  Hint(group, record);
  if (record.key.slot <= group.cut_through) return;
  const auto held = group.slots.find(record.key.slot);
  if (held != group.slots.end() && held->second.kind == RecordKind::kLearned) return;
  if (record.key.kind == RecordKind::kLearned) {
    // Learning is no vote. Those of this slot have records of their own, as far as they left a
    // trace.
    paxos::Ballot& bound = group.lost[record.key.slot];
    bound = std::max(bound, group.traceless);
  } else if (held == group.slots.end() || held->second.ballot < record.key.ballot) {
    group.lost[record.key.slot] = record.key.ballot;
  }
}

void SlotIndex::Doubt(GroupId id, paxos::Ballot bound) {
  Group& group = groups_[id];
  group.traceless = std::max(group.traceless, bound);
  for (auto it = group.slots.upper_bound(group.chosen_hint); it != group.slots.end(); ++it) {
    // A slot whose newest record is lost anyway keeps its tighter bound: as long as the bound for
    // all slots stands, it covers this one.
    if (it->second.kind == RecordKind::kAccepted) group.lost.try_emplace(it->first, bound);
  }
  for (const Slot slot : group.reopened) group.lost.try_emplace(slot, bound);
}

void SlotIndex::DoubtGaps(GroupId id, paxos::Ballot bound) {
  Group& group = groups_[id];
  auto held = group.slots.begin();
  for (Slot slot = group.cut_through.next(); slot <= group.chosen_hint; ++slot) {
    if (held != group.slots.end() && held->first == slot) {
      ++held;
    } else {
      group.lost.try_emplace(slot, bound);
    }
  }
}

// Whoever wrote this record knew what is chosen in these slots, and had it in the log or nothing
// else there.
void SlotIndex::CloseAgain(Group& group, const RecordDescriptor& record) {
  auto& reopened = group.reopened;
  reopened.erase(reopened.begin(), reopened.upper_bound(record.chosen_through));
  if (record.key.kind == RecordKind::kLearned) reopened.erase(record.key.slot);
}

// record.h: a learned record proves that everything before it is chosen too.
void SlotIndex::Hint(Group& group, const RecordDescriptor& record) {
  group.chosen_hint = std::max(group.chosen_hint, record.chosen_through);
  if (record.key.kind == RecordKind::kLearned) {
    group.chosen_hint = std::max(group.chosen_hint, record.key.slot);
  }
}

void SlotIndex::CutThrough(GroupId id, Slot slot) {
  Group& group = groups_[id];
  if (slot <= group.cut_through) return;
  group.cut_through = slot;
  group.chosen_hint = std::max(group.chosen_hint, slot);
  group.slots.erase(group.slots.begin(), group.slots.upper_bound(slot));
  group.lost.erase(group.lost.begin(), group.lost.upper_bound(slot));
  group.reopened.erase(group.reopened.begin(), group.reopened.upper_bound(slot));
}

Slot SlotIndex::cut_through(GroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? Slot() : found->second.cut_through;
}

Slot SlotIndex::chosen_hint(GroupId group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? Slot() : found->second.chosen_hint;
}

bool SlotIndex::IsLost(GroupId id, Slot slot) const {
  const auto group = groups_.find(id);
  return group != groups_.end() && group->second.lost.contains(slot);
}

std::vector<Slot> SlotIndex::reopened(GroupId id) const {
  const auto group = groups_.find(id);
  if (group == groups_.end()) return {};
  return {group->second.reopened.begin(), group->second.reopened.end()};
}

std::vector<paxos::UnknownVote> SlotIndex::unknown(GroupId id) const {
  std::vector<paxos::UnknownVote> unknown;
  const auto group = groups_.find(id);
  if (group == groups_.end()) return unknown;
  for (const auto& [slot, bound] : group->second.lost) unknown.push_back({slot, bound});
  return unknown;
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
    const bool gap = slot - first != run.size() || group->second.lost.contains(slot);
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
