// A persistent ordered map from strings to strings: every version is immutable, and making a new
// one copies only the path to the changed key. A copy of a tree is therefore a snapshot, in O(1).
//
// A treap whose priorities are hashes of the keys: the shape depends on the contents alone, not on
// the order of insertion or on chance, so runs of the simulator repeat exactly.
//
// Thread-safety: a tree object has one owner; distinct copies may be used from distinct threads.
#ifndef SYNOD_SERVICES_STORAGE_MEMORY_TREE_H_
#define SYNOD_SERVICES_STORAGE_MEMORY_TREE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace synod::storage {

class MemoryTree {
 public:
  // The value, or null; lives as long as any copy of this version.
  const std::string* Find(absl::string_view key) const;

  void Put(absl::string_view key, absl::string_view value);
  void Erase(absl::string_view key);

  // Erases the keys of [lower, upper); an empty upper bound means "to the end".
  void EraseRange(absl::string_view lower, absl::string_view upper);

  // Keys and values, without the nodes around them.
  uint64_t bytes() const;

 private:
  struct Node;
  using Link = std::shared_ptr<const Node>;

 public:
  // A position in one version, which it keeps alive.
  class Cursor {
   public:
    explicit Cursor(const MemoryTree& tree) : root_(tree.root_) {}

    void SeekFirst();
    void SeekLast();
    void SeekAtLeast(absl::string_view key);  // first key >= key
    void SeekBelow(absl::string_view key);    // last key < key
    bool valid() const { return !path_.empty(); }
    void Next();
    void Prev();
    const std::string& key() const;
    const std::string& value() const;

   private:
    void DescendLeft(const Node* node);
    void DescendRight(const Node* node);

    Link root_;
    std::vector<const Node*> path_;  // from the root to the current node; empty when invalid
  };

 private:
  static Link Join(Link left, Link right);
  static void Split(const Link& node, absl::string_view key, Link& below, Link& rest);
  static Link With(const Node& node, Link left, Link right);
  static Link Insert(const Link& node, const Link& fresh);
  static Link Remove(const Link& node, absl::string_view key);

  Link root_;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_MEMORY_TREE_H_
