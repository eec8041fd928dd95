#include "services/kv/version_cache.h"

#include <utility>

namespace synod::kv {
namespace {

constexpr size_t kEntryOverheadBytes = 128;  // list node, index slot, allocator

}  // namespace

size_t VersionCache::Cost(const Entry& entry) {
  return entry.key.size() + entry.bytes.size() + kEntryOverheadBytes;
}

const std::string* VersionCache::Find(absl::string_view key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return &found->second->bytes;
}

void VersionCache::Insert(absl::string_view key, std::string bytes) {
  const auto found = index_.find(key);
  if (found != index_.end()) {
    Entry& entry = *found->second;
    entries_.splice(entries_.begin(), entries_, found->second);
    size_bytes_ -= Cost(entry);
    entry.bytes = std::move(bytes);
    size_bytes_ += Cost(entry);
  } else {
    entries_.push_front({std::string(key), std::move(bytes)});
    index_.emplace(entries_.front().key, entries_.begin());
    size_bytes_ += Cost(entries_.front());
  }
  while (size_bytes_ > capacity_bytes_) Remove(std::prev(entries_.end()));
}

void VersionCache::Erase(absl::string_view key) {
  const auto found = index_.find(key);
  if (found != index_.end()) Remove(found->second);
}

void VersionCache::Remove(Entries::iterator entry) {
  index_.erase(entry->key);
  size_bytes_ -= Cost(*entry);
  entries_.erase(entry);
}

}  // namespace synod::kv
