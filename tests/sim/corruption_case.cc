#include "tests/sim/corruption_case.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace synod::sim {
namespace {

constexpr int kMajority = kMatrixNodes / 2 + 1;

paxos::Value Named(int ballot, int slot) {
  return paxos::Value::OfCommands({{{NodeId(9), static_cast<uint64_t>(slot)},
                                    absl::StrCat("slot ", slot, " ballot ", ballot)}});
}

int Count(const MatrixCase& c, int slot, bool (*which)(Copy)) {
  int count = 0;
  for (int node = 1; node <= kMatrixNodes; ++node) count += which(c.At(node, slot));
  return count;
}

bool Contains(const std::vector<int>& nodes, int node) {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

Reign ReignOf(const MatrixCase& c, uint64_t round, bool (*which)(Copy)) {
  Reign reign;
  std::vector<int> others;
  for (int node = 1; node <= kMatrixNodes; ++node) {
    const auto& copies = c.copies[static_cast<size_t>(node - 1)];
    const bool voter = std::any_of(copies.begin(), copies.end(), which);
    (voter ? reign.promised : others).push_back(node);
  }
  if (reign.promised.empty()) return reign;
  if (reign.promised.size() < kMajority) reign.promised.push_back(others.front());
  reign.ballot = {round, NodeId(static_cast<uint64_t>(reign.promised.front()))};
  return reign;
}

// It has lost records of which nothing is known, so that it may have voted anywhere, if only at a
// ballot that it has promised.
bool MayHaveVoted(const MatrixCase& c, int node, const Reign& reign) {
  const auto& copies = c.copies[static_cast<size_t>(node - 1)];
  return c.loss == Loss::kNoTrace && std::any_of(copies.begin(), copies.end(), IsLost) &&
         Contains(reign.promised, node);
}

// Every execution that fits what can be read is possible: a node that is down may have voted for
// anything, and one that has voted at the new ballot may have voted at the old one before.
bool IsDecidable(const MatrixCase& c, int slot) {
  int may_be_old = 0;
  int may_be_new = 0;
  bool old_known = false;
  const Reign old_reign = OldReign(c);
  const Reign new_reign = NewReign(c);
  for (int node = 1; node <= kMatrixNodes; ++node) {
    if (!c.IsUp(node) || !c.MayStart(node)) {
      ++may_be_old;
      ++may_be_new;
      continue;
    }
    const Copy copy = slot > c.slots() ? Copy::kNone : c.At(node, slot);
    // A higher vote carries what a lower ballot may have chosen (Paxos Made Simple, P2b).
    if (copy == Copy::kVote || copy == Copy::kLearned) return true;
    const bool may_new = MayHaveVoted(c, node, new_reign);
    may_be_new += copy == Copy::kLostVote || may_new;
    may_be_old += IsNewVote(copy) || IsOldVote(copy) || may_new || MayHaveVoted(c, node, old_reign);
    old_known = old_known || copy == Copy::kOldVote;
  }
  if (may_be_new >= kMajority) return false;
  return may_be_old < kMajority || old_known;
}

}  // namespace

std::string Describe(const MatrixCase& c) {
  constexpr char kLetters[] = ".VvLlOo";
  std::string text;
  for (int node = 1; node <= kMatrixNodes; ++node) {
    absl::StrAppend(&text, node, c.IsUp(node) ? ":" : " down:");
    for (int slot = 1; slot <= c.slots(); ++slot) {
      text += kLetters[static_cast<size_t>(c.At(node, slot))];
    }
    const Promises promises = c.promises[static_cast<size_t>(node - 1)];
    if (promises != Promises::kIntact) {
      text += promises == Promises::kLost ? ", promises lost" : ", one copy of the promises";
    }
    if (!c.HasState(node)) text += ", state lost";
    text += "; ";
  }
  constexpr const char* kLosses[] = {"a value", "its sector", "no trace"};
  return absl::StrCat(text, "lost: ", kLosses[static_cast<size_t>(c.loss)],
                      c.hints ? ", with hints" : "");
}

paxos::Value OldValue(int slot) {
  return Named(1, slot);
}

paxos::Value NewValue(const MatrixCase& c, int slot) {
  const std::vector<int> promised = NewReign(c).promised;
  for (size_t i = 0; i < promised.size() && i < kMajority; ++i) {
    if (IsOldVote(c.At(promised[i], slot))) return OldValue(slot);
  }
  return Named(2, slot);
}

Reign OldReign(const MatrixCase& c) {
  return ReignOf(c, 1, IsOldVote);
}

Reign NewReign(const MatrixCase& c) {
  return ReignOf(c, 2, IsNewVote);
}

std::optional<paxos::Value> ChosenIn(const MatrixCase& c, int slot) {
  if (Count(c, slot, IsNewVote) >= kMajority) return NewValue(c, slot);
  if (Count(c, slot, IsOldVote) >= kMajority) return OldValue(slot);
  return std::nullopt;
}

// Only what is chosen can be learned, and only next to a prefix of chosen slots.
bool IsPossible(const MatrixCase& c) {
  for (int node = 1; node <= kMatrixNodes; ++node) {
    bool prefix = true;
    for (int slot = 1; slot <= c.slots(); ++slot) {
      prefix = prefix && c.At(node, slot) != Copy::kNone && ChosenIn(c, slot);
      if (IsLearned(c.At(node, slot)) && !prefix) return false;
    }
  }
  return true;
}

bool IsRecoverable(const MatrixCase& c) {
  int started = 0;
  bool state = c.state_slots == 0;
  for (int node = 1; node <= kMatrixNodes; ++node) {
    if (!c.IsUp(node) || !c.MayStart(node)) continue;
    ++started;
    state = state || c.HasState(node);
  }
  if (started < kMajority || !state) return false;
  // One more than there are: the next write needs it.
  for (int slot = 1; slot <= c.slots() + 1; ++slot) {
    if (!IsDecidable(c, slot)) return false;
  }
  return true;
}

}  // namespace synod::sim
