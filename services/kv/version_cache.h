// The newest versions of recently written keys, so that overwriting them costs no engine lookup.
//
// Holds encoded Newest records, least recently used ones leave first. Bounded in bytes, whatever
// the number of keys. A cache: what it holds equals what the engine holds. Not thread-safe.
#ifndef SYNOD_SERVICES_KV_VERSION_CACHE_H_
#define SYNOD_SERVICES_KV_VERSION_CACHE_H_

#include <cstddef>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace synod::kv {

class VersionCache {
 public:
  explicit VersionCache(size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}
  VersionCache(const VersionCache&) = delete;
  VersionCache& operator=(const VersionCache&) = delete;

  // Null when absent; valid until the next call.
  const std::string* Find(absl::string_view key);
  void Insert(absl::string_view key, std::string bytes);
  void Erase(absl::string_view key);

  size_t size_bytes() const { return size_bytes_; }

 private:
  struct Entry {
    std::string key;
    std::string bytes;
  };
  using Entries = std::list<Entry>;

  static size_t Cost(const Entry& entry);
  void Remove(Entries::iterator entry);

  const size_t capacity_bytes_;
  size_t size_bytes_ = 0;
  Entries entries_;                                                  // most recently used first
  absl::flat_hash_map<absl::string_view, Entries::iterator> index_;  // keys live in entries_
};

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_VERSION_CACHE_H_
