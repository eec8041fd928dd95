// Sees everything at once, as no replica can, and stops the run at the first broken rule.
//
// A value is chosen here when a majority of acceptors holds it durably at one ballot (Paxos Made
// Simple, section 2.2), whether or not any replica knows. Rules, beside those of ShadowAcceptor:
//   O1. Agreement: no slot has two chosen values.
//   O2. Validity: a chosen value consists of commands that clients gave, each with its own bytes,
//   or
//       is a no-op.
//   O3. Exactly once: a command is chosen in at most one slot.
//   O4. Nothing is handed out, taught, announced by a watermark or acknowledged to a client before
//       it is chosen.
//   O5. A replica hands out and applies every slot once a life, in order, from where it restarted.
//   O6. One proposer a ballot: one node, one life, one value per slot.
//   O7. Every replica gets the same results from the same slot.
//
//   O8. Nobody votes so far ahead that who decides there is not settled yet.
//
// A majority is one of the configuration that governs the slot, which follows from the chosen slots
// below (paxos/configuration.h), computed here a second time.
#ifndef SYNOD_TESTS_SIM_OBSERVER_H_
#define SYNOD_TESTS_SIM_OBSERVER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "services/paxos/message.h"
#include "services/paxos/record.h"
#include "services/paxos/value.h"
#include "tests/sim/shadow_acceptor.h"
#include "tests/sim/world.h"

namespace synod::sim {

class Observer {
 public:
  struct Era {
    Slot chosen_at;
    Slot governs_from;
    std::vector<NodeId> voters;
    std::vector<NodeId> members;  // learners included
  };

  // Nodes 1..nodes exist, 1..voters of them are the first configuration; `window` is α.
  Observer(World& world, int nodes, int voters, uint64_t window);

  void OnProposed(const paxos::Command& command);
  void OnRecovered(NodeId node, const paxos::RecoveredState& state);
  void OnDurable(NodeId node, const std::vector<paxos::Record>& records);
  // `life` of the sender.
  void OnSend(const paxos::Message& message, uint64_t life);
  // The state that is visible has been replaced; and then, the replica has been told.
  void OnInstalled(NodeId node, Slot slot);
  void OnJump(NodeId node, Slot slot) { jumped_to_[node] = slot; }
  void OnWiped(NodeId node);
  // Its state engine would survive a crash as of this slot.
  void OnDurableState(NodeId node, Slot slot) { durable_[node] = slot; }
  void OnHandedOut(NodeId node, const paxos::ChosenValue& chosen);
  void OnApplied(NodeId node, Slot slot, uint64_t results_hash);
  void OnAcknowledged(NodeId node, const paxos::CommandId& command);
  void OnLeader(NodeId node, uint64_t life, const paxos::Ballot& ballot);

  // The values of slots 1.. as far as they are chosen without a gap.
  std::vector<paxos::Value> ChosenLog() const;

  bool Chose(const paxos::CommandId& command) const { return chosen_in_.contains(command); }
  // Through which slot a state must reach to know that this node is a member; nothing when it has
  // never been one.
  std::optional<Slot> MemberSince(NodeId node) const;
  const Era& latest() const { return eras_.back(); }
  // In any configuration, learners included.
  bool WasMember(NodeId node) const;
  // Every change of configuration that was proposed is decided, the newest one is in force, and its
  // voters need nobody else any more: a majority of them holds everything durably that an earlier
  // configuration decided. Until then those that were removed must stay.
  bool Settled() const;

  uint64_t elections() const { return elections_; }
  uint64_t chosen_slots() const { return chosen_.size(); }

 private:
  struct Ballots {
    uint64_t value = 0;   // hash
    uint64_t voters = 0;  // bit set
  };
  struct Owner {
    NodeId node;
    uint64_t life = 0;
    friend bool operator==(const Owner&, const Owner&) = default;
  };

  const Era& EraAt(Slot slot) const;
  bool NamesLogsOnly(const paxos::Value& value) const;
  void Advance();
  void CountChange(const Era& before, const paxos::Configuration& next);
  ShadowAcceptor& Acceptor(NodeId node) { return acceptors_[node.value() - 1]; }
  void Fail(NodeId node, std::string what);
  void Vote(NodeId node, Slot slot, const paxos::Ballot& ballot, const paxos::Value& value);
  void Choose(NodeId node, Slot slot, const paxos::Value& value);
  void MustBeChosen(NodeId node, Slot slot, const paxos::Value& value, absl::string_view where);
  void MustBeChosenThrough(NodeId node, Slot slot, absl::string_view where);
  void Own(NodeId node, uint64_t life, const paxos::Ballot& ballot);

  World& world_;
  std::vector<ShadowAcceptor> acceptors_;
  std::vector<Era> eras_;
  const uint64_t window_;
  Slot voters_since_;  // the newest voters decide from here on
  std::map<NodeId, Slot> durable_;
  std::set<paxos::CommandId> open_changes_;
  std::map<paxos::CommandId, uint64_t> proposed_;  // hash of the payload
  std::map<paxos::CommandId, Slot> chosen_in_;
  std::map<std::pair<Slot, paxos::Ballot>, Ballots> votes_;
  std::map<std::pair<Slot, paxos::Ballot>, uint64_t> offered_;  // phase 2a values
  std::map<Slot, paxos::Value> chosen_;
  Slot chosen_prefix_;
  std::map<NodeId, Slot> handed_out_;
  std::map<NodeId, Slot> applied_;
  std::map<NodeId, Slot> jumped_to_;  // by this life, at the word of its driver
  std::map<Slot, uint64_t> results_;
  std::map<paxos::Ballot, Owner> owners_;
  uint64_t elections_ = 0;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_OBSERVER_H_
