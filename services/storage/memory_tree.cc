#include "services/storage/memory_tree.h"

#include <utility>

namespace synod::storage {
namespace {

struct Entry {
  std::string key;
  std::string value;
};

// FNV-1a, then a finalizer (murmur3's) that spreads the last bytes into the high bits, which decide
// most comparisons.
uint64_t Priority(absl::string_view key) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53;
  return hash ^ (hash >> 33);
}

}  // namespace

// Heap-ordered by priority; equal priorities may lie either way.
struct MemoryTree::Node {
  std::shared_ptr<const Entry> entry;  // shared between versions: copying a path copies no bytes
  uint64_t priority = 0;
  uint64_t bytes = 0;  // of the whole subtree
  Link left;
  Link right;
};

MemoryTree::Link MemoryTree::With(const Node& node, Link left, Link right) {
  auto copy = std::make_shared<Node>();
  copy->entry = node.entry;
  copy->priority = node.priority;
  copy->bytes = node.entry->key.size() + node.entry->value.size() + (left ? left->bytes : 0) +
                (right ? right->bytes : 0);
  copy->left = std::move(left);
  copy->right = std::move(right);
  return copy;
}

// Precondition: every key of `left` is below every key of `right`.
MemoryTree::Link MemoryTree::Join(Link left, Link right) {
  if (!left) return right;
  if (!right) return left;
  if (left->priority >= right->priority) {
    return With(*left, left->left, Join(left->right, std::move(right)));
  }
  return With(*right, Join(std::move(left), right->left), right->right);
}

// `below` gets the keys < key, `rest` the others.
void MemoryTree::Split(const Link& node, absl::string_view key, Link& below, Link& rest) {
  if (!node) {
    below = rest = nullptr;
    return;
  }
  Link inner_below;
  Link inner_rest;
  if (node->entry->key < key) {
    Split(node->right, key, inner_below, inner_rest);
    below = With(*node, node->left, std::move(inner_below));
    rest = std::move(inner_rest);
  } else {
    Split(node->left, key, inner_below, inner_rest);
    below = std::move(inner_below);
    rest = With(*node, std::move(inner_rest), node->right);
  }
}

// `fresh` is a lone node with the new entry; its key may be present.
MemoryTree::Link MemoryTree::Insert(const Link& node, const Link& fresh) {
  if (!node) return fresh;
  const std::string& key = fresh->entry->key;
  const int order = key.compare(node->entry->key);
  if (order == 0) return With(*fresh, node->left, node->right);
  if (node->priority < fresh->priority) {
    Link below;
    Link rest;
    Split(node, key, below, rest);
    return With(*fresh, std::move(below), std::move(rest));
  }
  if (order < 0) return With(*node, Insert(node->left, fresh), node->right);
  return With(*node, node->left, Insert(node->right, fresh));
}

// Precondition: the key is present.
MemoryTree::Link MemoryTree::Remove(const Link& node, absl::string_view key) {
  const int order = key.compare(node->entry->key);
  if (order == 0) return Join(node->left, node->right);
  if (order < 0) return With(*node, Remove(node->left, key), node->right);
  return With(*node, node->left, Remove(node->right, key));
}

const std::string* MemoryTree::Find(absl::string_view key) const {
  const Node* node = root_.get();
  while (node != nullptr) {
    const int order = key.compare(node->entry->key);
    if (order == 0) return &node->entry->value;
    node = order < 0 ? node->left.get() : node->right.get();
  }
  return nullptr;
}

void MemoryTree::Put(absl::string_view key, absl::string_view value) {
  Node fresh;
  fresh.entry = std::make_shared<const Entry>(Entry{std::string(key), std::string(value)});
  fresh.priority = Priority(key);
  root_ = Insert(root_, With(fresh, nullptr, nullptr));
}

void MemoryTree::Erase(absl::string_view key) {
  if (Find(key) != nullptr) root_ = Remove(root_, key);
}

void MemoryTree::EraseRange(absl::string_view lower, absl::string_view upper) {
  if (!upper.empty() && lower >= upper) return;
  Link below;
  Link rest;
  Split(root_, lower, below, rest);
  Link erased = std::move(rest);
  if (upper.empty()) {
    rest = nullptr;
  } else {
    const Link from_lower = std::move(erased);
    Split(from_lower, upper, erased, rest);
  }
  root_ = Join(std::move(below), std::move(rest));
}

uint64_t MemoryTree::bytes() const {
  return root_ ? root_->bytes : 0;
}

void MemoryTree::Cursor::DescendLeft(const Node* node) {
  for (; node != nullptr; node = node->left.get()) path_.push_back(node);
}

void MemoryTree::Cursor::DescendRight(const Node* node) {
  for (; node != nullptr; node = node->right.get()) path_.push_back(node);
}

void MemoryTree::Cursor::SeekFirst() {
  path_.clear();
  DescendLeft(root_.get());
}

void MemoryTree::Cursor::SeekLast() {
  path_.clear();
  DescendRight(root_.get());
}

void MemoryTree::Cursor::SeekAtLeast(absl::string_view key) {
  path_.clear();
  size_t best = 0;  // length of the path to the smallest key >= key so far
  for (const Node* node = root_.get(); node != nullptr;) {
    path_.push_back(node);
    const bool candidate = node->entry->key >= key;
    if (candidate) best = path_.size();
    node = candidate ? node->left.get() : node->right.get();
  }
  path_.resize(best);
}

void MemoryTree::Cursor::SeekBelow(absl::string_view key) {
  path_.clear();
  size_t best = 0;  // length of the path to the largest key < key so far
  for (const Node* node = root_.get(); node != nullptr;) {
    path_.push_back(node);
    const bool candidate = node->entry->key < key;
    if (candidate) best = path_.size();
    node = candidate ? node->right.get() : node->left.get();
  }
  path_.resize(best);
}

void MemoryTree::Cursor::Next() {
  const Node* node = path_.back();
  if (node->right) {
    DescendLeft(node->right.get());
    return;
  }
  path_.pop_back();
  while (!path_.empty() && path_.back()->right.get() == node) {
    node = path_.back();
    path_.pop_back();
  }
}

void MemoryTree::Cursor::Prev() {
  const Node* node = path_.back();
  if (node->left) {
    DescendRight(node->left.get());
    return;
  }
  path_.pop_back();
  while (!path_.empty() && path_.back()->left.get() == node) {
    node = path_.back();
    path_.pop_back();
  }
}

const std::string& MemoryTree::Cursor::key() const {
  return path_.back()->entry->key;
}
const std::string& MemoryTree::Cursor::value() const {
  return path_.back()->entry->value;
}

}  // namespace synod::storage
