// Distinct types for the numbers that name things, so that no slot is passed for a node.
//
// All are values: cheap to copy, totally ordered, hashable with absl::Hash. Zero means "none" in
// each of them: node ids, slots and group ids in use start at 1.
#ifndef SYNOD_COMMON_IDS_H_
#define SYNOD_COMMON_IDS_H_

#include <compare>
#include <cstdint>
#include <ostream>
#include <utility>

namespace synod {

template <class Tag>
class Id {
 public:
  constexpr Id() = default;
  constexpr explicit Id(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr explicit operator bool() const { return value_ != 0; }

  friend constexpr auto operator<=>(Id, Id) = default;
  template <class H>
  friend H AbslHashValue(H h, Id id) {
    return H::combine(std::move(h), id.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, Id id) { return out << id.value_; }

 private:
  uint64_t value_ = 0;
};

// A consensus replica, for life: etcd's "member ID". A wiped disk never votes again under its id.
using NodeId = Id<struct NodeIdTag>;

// One Multi-Paxos instance sequence. A process may host several groups; today there is one.
using GroupId = Id<struct GroupIdTag>;

// One installation; peers of another cluster are refused.
using ClusterId = Id<struct ClusterIdTag>;

// A position in a group's sequence of Paxos instances; the first is 1, Slot() is "before the first".
class Slot {
 public:
  constexpr Slot() = default;
  constexpr explicit Slot(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }
  constexpr explicit operator bool() const { return value_ != 0; }
  constexpr Slot next() const { return Slot(value_ + 1); }
  constexpr Slot& operator++() {
    ++value_;
    return *this;
  }

  friend constexpr Slot operator+(Slot slot, uint64_t count) { return Slot(slot.value_ + count); }
  // Distance in slots; precondition: a >= b.
  friend constexpr uint64_t operator-(Slot a, Slot b) { return a.value_ - b.value_; }
  friend constexpr auto operator<=>(Slot, Slot) = default;
  template <class H>
  friend H AbslHashValue(H h, Slot slot) {
    return H::combine(std::move(h), slot.value_);
  }
  friend std::ostream& operator<<(std::ostream& out, Slot slot) { return out << slot.value_; }

 private:
  uint64_t value_ = 0;
};

}  // namespace synod

#endif  // SYNOD_COMMON_IDS_H_
