// Who takes part, and from which slot on: reconfiguration by Paxos' own window of α slots. The
// configuration chosen at slot i governs from slot i + α (Paxos Made Simple, section 3: "the state
// machine's state after command i - α"; Lampson 1996, section 5).
#ifndef SYNOD_SERVICES_PAXOS_CONFIGURATION_H_
#define SYNOD_SERVICES_PAXOS_CONFIGURATION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "services/paxos/value.h"

namespace synod::paxos {

struct ConfigMember {
  NodeId id;
  bool voter = true;       // a learner gets every value and has no vote
  uint64_t instance = 0;   // of its log (founding.h); 0 when nobody has said
  std::string attributes;  // names and addresses; opaque to Paxos

  friend bool operator==(const ConfigMember&, const ConfigMember&) = default;
};

// Thread-safety: immutable after construction.
class Configuration {
 public:
  // Preconditions: distinct non-zero ids, 1 to kMaxVoters voters, at most kMaxMembers members.
  explicit Configuration(std::vector<ConfigMember> members);
  static Configuration OfVoters(const std::vector<NodeId>& voters);

  static constexpr size_t kMaxVoters = 63;
  static constexpr size_t kMaxMembers = 128;

  const std::vector<ConfigMember>& members() const { return members_; }  // ascending by id
  const std::vector<NodeId>& voters() const { return voters_; }          // ascending
  const ConfigMember* Find(NodeId node) const;                           // null when absent
  bool Contains(NodeId node) const { return Find(node) != nullptr; }
  bool IsVoter(NodeId node) const;

  // Any two quorums share a voter.
  size_t quorum_size() const { return voters_.size() / 2 + 1; }

  std::string Encode() const;
  // InvalidArgument when the bytes are not exactly one configuration that keeps the preconditions.
  static absl::StatusOr<Configuration> Parse(absl::string_view bytes);

  friend bool operator==(const Configuration& a, const Configuration& b) {
    return a.members_ == b.members_;
  }

 private:
  std::vector<ConfigMember> members_;
  std::vector<NodeId> voters_;
};

// What a command of kind kConfiguration asks for. Void unless `based_on` is still the slot of the
// newest configuration when it is chosen: it was computed from that one.
struct ConfigurationChange {
  Slot based_on;
  Configuration next;

  std::string Encode() const;
  static absl::StatusOr<ConfigurationChange> Parse(absl::string_view bytes);
};

// Nodes that have said yes, each counted once however often it says so.
class Tally {
 public:
  void Add(NodeId node);
  bool Has(NodeId node) const;
  // Counts voters alone.
  bool IsQuorum(const Configuration& configuration) const;

 private:
  std::vector<NodeId> nodes_;  // ascending; few
};

// The configurations that can govern slots not chosen yet, oldest first, and the one before those.
// Part of the replicated state: equal on all replicas after the same slot.
//
// Thread-safety: none; copies are independent.
class ConfigurationHistory {
 public:
  struct Era {
    Slot chosen_at;  // Slot() for the first configuration of a cluster
    Slot governs_from;
    std::shared_ptr<const Configuration> configuration;
  };

  // Knows nothing: of a node that joins and has no state yet.
  ConfigurationHistory() = default;
  // Of a cluster that is born.
  explicit ConfigurationHistory(Configuration first);

  bool empty() const { return eras_.empty(); }
  size_t size() const { return eras_.size(); }

  // All below: precondition not empty().
  const Era& latest() const { return eras_.back(); }

  // Who decides about `slot`. Preconditions: everything through slot - α is chosen and has been
  // handed to Choose; the slot itself was not when Choose was called last.
  const Configuration& At(Slot slot) const;

  // A quorum of every configuration that may govern a slot above `chosen_through` is in the tally.
  bool IsQuorumOfAll(const Tally& tally, Slot chosen_through) const;
  bool IsVoterAbove(NodeId node, Slot chosen_through) const;
  // Voters and learners of all those configurations, ascending.
  std::vector<NodeId> MembersAbove(Slot chosen_through) const;
  // The same, and of the configuration before: who must be told that it may go.
  std::vector<NodeId> Members() const;

  // The eras that may govern a slot above `chosen_through`.
  std::vector<Era>::const_iterator BeginAbove(Slot chosen_through) const;
  std::vector<Era>::const_iterator begin() const { return eras_.begin(); }
  std::vector<Era>::const_iterator end() const { return eras_.end(); }

  // The value is chosen at the slot; slots come in order. True when the value is a change that
  // takes effect: it governs from slot + window. One change at a time: the one before must be in
  // force.
  bool Choose(Slot slot, const Value& value, uint64_t window);

  std::string Encode() const;
  static absl::StatusOr<ConfigurationHistory> Parse(absl::string_view bytes);

 private:
  static std::vector<NodeId> MembersOf(std::vector<Era>::const_iterator begin,
                                       std::vector<Era>::const_iterator end);

  std::vector<Era> eras_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_CONFIGURATION_H_
