// synod-corruption-matrix: every case of the corruption matrix, and a table of what came of them.
#include <array>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "common/config/flags.h"
#include "tests/sim/corruption_matrix.h"
#include "tests/sim/exit_codes.h"

namespace {

using synod::sim::Copy;
using synod::sim::CorruptionMatrix;
using synod::sim::kBadArguments;
using synod::sim::kClean;
using synod::sim::kMatrixNodes;
using synod::sim::kRuleBroken;
using synod::sim::Loss;
using synod::sim::MatrixCase;
using synod::sim::Outcome;
using synod::sim::Promises;

constexpr unsigned kAllUp = 7;

// All combinations of these.
struct Family {
  std::string name;
  int slots = 0;
  int long_slots = 0;  // with --long
  std::vector<Copy> copies;
  std::vector<Loss> losses = {Loss::kValue};
  std::vector<Promises> promises = {Promises::kIntact};
  bool states = false;  // two slots lie in the state; each node may have lost it
  bool hints = true;    // with and without
  bool all_up = false;  // only with all nodes up
};

std::vector<Family> Families() {
  constexpr Copy kNone = Copy::kNone;
  constexpr Copy kVote = Copy::kVote;
  constexpr Copy kLostVote = Copy::kLostVote;
  std::vector<Family> families;
  families.push_back({.name = "log: intact, corrupt",
                      .slots = 3,
                      .long_slots = 4,
                      .copies = {kVote, kLostVote},
                      .losses = {Loss::kSector},
                      .hints = false,
                      .all_up = true});
  families.push_back({.name = "log: intact, corrupt, not there",
                      .slots = 2,
                      .long_slots = 3,
                      .copies = {kNone, kVote, kLostVote}});
  families.push_back({.name = "the same, lost without a trace",
                      .slots = 2,
                      .long_slots = 3,
                      .copies = {kNone, kVote, kLostVote},
                      .losses = {Loss::kNoTrace}});
  families.push_back({.name = "log: two ballots, learned values",
                      .slots = 1,
                      .long_slots = 2,
                      .copies = {kNone, kVote, kLostVote, Copy::kLearned, Copy::kLostLearned,
                                 Copy::kOldVote, Copy::kLostOldVote},
                      .losses = {Loss::kValue, Loss::kSector}});
  families.push_back({.name = "learned values, lost without a trace",
                      .slots = 1,
                      .long_slots = 2,
                      .copies = {kNone, kVote, kLostVote, Copy::kLearned, Copy::kLostLearned},
                      .losses = {Loss::kNoTrace}});
  families.push_back({.name = "promises: intact, one copy, lost",
                      .slots = 1,
                      .long_slots = 2,
                      .copies = {kNone, kVote, kLostVote},
                      .promises = {Promises::kIntact, Promises::kOneCopy, Promises::kLost},
                      .hints = false});
  families.push_back({.name = "state: intact, lost",
                      .slots = 1,
                      .long_slots = 2,
                      .copies = {kNone, kVote, kLostVote},
                      .states = true,
                      .hints = false});
  return families;
}

// Counts through all numbers of `digits` digits below `base`; true until it starts again.
bool Advance(std::vector<size_t>& digits, size_t base) {
  for (size_t& digit : digits) {
    if (++digit < base) return true;
    digit = 0;
  }
  return false;
}

// Calls `run` for each case of the family that is possible, until it says no.
void ForEachCase(const Family& family, bool long_form,
                 const std::function<bool(const MatrixCase&)>& run) {
  const int slots = long_form ? family.long_slots : family.slots;
  MatrixCase c;
  c.state_slots = family.states ? 2 : 0;
  bool goes_on = true;
  const auto with_copies = [&] {
    for (const bool hints : {false, true}) {
      if (hints && !family.hints) continue;
      for (const Loss loss : family.losses) {
        for (unsigned up = family.all_up ? kAllUp : 1; up <= kAllUp; ++up) {
          c.hints = hints;
          c.loss = loss;
          c.up = up;
          goes_on = goes_on && run(c);
        }
      }
    }
  };
  std::vector<size_t> copies(static_cast<size_t>(kMatrixNodes * slots));
  do {
    for (size_t node = 0; node < kMatrixNodes; ++node) {
      c.copies[node].clear();
      for (size_t slot = 0; slot < static_cast<size_t>(slots); ++slot) {
        c.copies[node].push_back(family.copies[copies[node * static_cast<size_t>(slots) + slot]]);
      }
    }
    if (!IsPossible(c)) continue;
    std::vector<size_t> promises(kMatrixNodes);
    do {
      for (size_t node = 0; node < kMatrixNodes; ++node) {
        c.promises[node] = family.promises[promises[node]];
      }
      std::vector<size_t> lost(kMatrixNodes);
      do {
        for (size_t node = 0; node < kMatrixNodes; ++node) c.state_lost[node] = lost[node] != 0;
        with_copies();
      } while (Advance(lost, family.states ? 2 : 1));
    } while (Advance(promises, family.promises.size()));
  } while (goes_on && Advance(copies, family.copies.size()));
}

using Counts = std::array<int, synod::sim::kOutcomes>;

void PrintRow(const std::string& name, const Counts& counts) {
  int cases = 0;
  for (const int count : counts) cases += count;
  const auto of = [&](Outcome outcome) { return counts[static_cast<size_t>(outcome)]; };
  std::cout << absl::StrFormat("| %s | %d | %d | %d | %d | %d | %d |\n", name, cases,
                               of(Outcome::kRecovered), of(Outcome::kUnavailable),
                               of(Outcome::kNotRecovered), of(Outcome::kMoreThanKnown),
                               of(Outcome::kUnsafe))
            << std::flush;
}

}  // namespace

int main(int argc, char** argv) {
  bool long_form = false;
  bool forget = false;
  bool until_wrong = false;
  int examples = 3;
  synod::Flags flags("synod-corruption-matrix", "SYNOD_CORRUPTION_MATRIX",
                     "Runs every case of the corruption matrix and prints what came of them.");
  flags.Add("long", &long_form, "One more slot in each family: far longer");
  flags.Add(
      "forget", &forget,
      "Plant a bug: what cannot be read counts as never written, as if it had been truncated");
  flags.Add("until-wrong", &until_wrong, "Stop each family at its first wrong case");
  flags.Add("examples", &examples, "Wrong cases to print of each family");
  const auto outcome = flags.Parse(argc, argv, synod::ProcessEnvironment());
  if (!outcome.ok()) {
    std::cerr << "synod-corruption-matrix: " << outcome.status().message() << "\n";
    return kBadArguments;
  }
  if (*outcome != synod::FlagsOutcome::kRun) return kClean;

  std::cout << "| family | cases | recovered | rightly unavailable | not recovered | beyond the "
               "oracle | unsafe |\n|---|---|---|---|---|---|---|\n";
  Counts total{};
  for (const Family& family : Families()) {
    CorruptionMatrix matrix(forget);
    Counts counts{};
    int shown = 0;
    ForEachCase(family, long_form, [&](const MatrixCase& c) {
      const Outcome result = matrix.Run(c);
      ++counts[static_cast<size_t>(result)];
      ++total[static_cast<size_t>(result)];
      if (result > Outcome::kUnavailable && shown++ < examples) {
        constexpr const char* kNames[] = {"", "", "beyond the oracle", "not recovered", "unsafe"};
        std::cerr << kNames[static_cast<size_t>(result)] << ": " << Describe(c) << "\n";
      }
      return result <= Outcome::kUnavailable || !until_wrong;
    });
    PrintRow(family.name, counts);
  }
  PrintRow("all", total);
  const bool fine = total[static_cast<size_t>(Outcome::kMoreThanKnown)] == 0 &&
                    total[static_cast<size_t>(Outcome::kNotRecovered)] == 0 &&
                    total[static_cast<size_t>(Outcome::kUnsafe)] == 0;
  return fine ? kClean : kRuleBroken;
}
