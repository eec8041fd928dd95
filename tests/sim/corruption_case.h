// A case of the corruption matrix: what each of three nodes has of each slot, of its promises and
// of its state, and which nodes are up; and the oracle, which knows nothing of logs or of the core:
// it counts who may have voted for what.
#ifndef SYNOD_TESTS_SIM_CORRUPTION_CASE_H_
#define SYNOD_TESTS_SIM_CORRUPTION_CASE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/paxos/ballot.h"
#include "services/paxos/value.h"

namespace synod::sim {

inline constexpr int kMatrixNodes = 3;

// What a node's log has of one slot. Old votes are at a lower ballot than the others.
enum class Copy : uint8_t {
  kNone,  // the node was never reached
  kVote,
  kLostVote,  // it was written and cannot be read any more
  kLearned,   // taught by another node; no vote
  kLostLearned,
  kOldVote,
  kLostOldVote,
};

enum class Promises : uint8_t { kIntact, kOneCopy, kLost };

// How records are lost.
enum class Loss : uint8_t {
  kValue,    // a bit of the value flips: the batch's head still names the record
  kSector,   // the record's sector is zeroed: only the identifier names it
  kNoTrace,  // and the identifier too
};

struct MatrixCase {
  std::array<std::vector<Copy>, kMatrixNodes> copies;  // of the slots behind the state
  std::array<Promises, kMatrixNodes> promises{};
  std::array<bool, kMatrixNodes> state_lost{};
  int state_slots = 0;  // applied by all nodes and cut from their logs
  bool hints = false;   // records say how far the slots are known to be chosen
  Loss loss = Loss::kValue;
  unsigned up = 7;  // bit n - 1: node n

  // Nodes are counted from 1, and so are the slots behind the state.
  int slots() const { return static_cast<int>(copies[0].size()); }
  Copy At(int node, int slot) const {
    return copies[static_cast<size_t>(node - 1)][static_cast<size_t>(slot - 1)];
  }
  bool IsUp(int node) const { return (up >> (node - 1) & 1) != 0; }
  bool MayStart(int node) const {
    return promises[static_cast<size_t>(node - 1)] != Promises::kLost;
  }
  bool HasState(int node) const { return !state_lost[static_cast<size_t>(node - 1)]; }
};

constexpr bool IsOldVote(Copy copy) {
  return copy == Copy::kOldVote || copy == Copy::kLostOldVote;
}
constexpr bool IsNewVote(Copy copy) {
  return copy == Copy::kVote || copy == Copy::kLostVote;
}
constexpr bool IsLearned(Copy copy) {
  return copy == Copy::kLearned || copy == Copy::kLostLearned;
}
constexpr bool IsLost(Copy copy) {
  return copy == Copy::kLostVote || copy == Copy::kLostOldVote || copy == Copy::kLostLearned;
}

// One line that tells the case.
std::string Describe(const MatrixCase& c);

// Who led at the old ballot or the new one, and who has promised it: the voters, and as many others
// as it takes for a quorum. Nobody when nobody has voted at it.
struct Reign {
  paxos::Ballot ballot;
  std::vector<int> promised;  // the leader first
};
Reign OldReign(const MatrixCase& c);
Reign NewReign(const MatrixCase& c);

// What was proposed in the slot at the old ballot, and at the new one: the same if the leader heard
// of it from the first two who promised.
paxos::Value OldValue(int slot);
paxos::Value NewValue(const MatrixCase& c, int slot);

// What a majority has voted for, readable or not.
std::optional<paxos::Value> ChosenIn(const MatrixCase& c, int slot);

// False when no execution of the protocol could have led there.
bool IsPossible(const MatrixCase& c);

// Whether the nodes that are up can know of every slot what it has chosen, or that it has chosen
// nothing.
bool IsRecoverable(const MatrixCase& c);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_CORRUPTION_CASE_H_
