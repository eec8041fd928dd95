// What a scenario's command brought about, line by line; the part that is recorded in the script.
//
// Thread-safety: none.
#ifndef SYNOD_TESTS_SCENARIOS_TRANSCRIPT_H_
#define SYNOD_TESTS_SCENARIOS_TRANSCRIPT_H_

#include <string>
#include <utility>
#include <vector>

namespace synod::scenarios {

enum class Level {
  kAnswer,   // what a command was asked to show
  kChange,   // who leads, what is applied, which reads are answered
  kRecord,   // what a log makes durable
  kMessage,  // what is delivered or lost
};

class Transcript {
 public:
  // Lines above this level are left out. Returns the level before.
  Level Show(Level level) { return std::exchange(shown_, level); }

  void Add(Level level, std::string line) {
    if (level > shown_) return;
    const bool consequence = level == Level::kChange || level == Level::kRecord;
    lines_.push_back((consequence && caused_ ? "  " : "") + std::move(line));
  }

  // What is added until Settled() follows from the message added last, and is indented under it.
  void Cause() { caused_ = shown_ == Level::kMessage; }
  void Settled() { caused_ = false; }

  std::vector<std::string> TakeLines() { return std::exchange(lines_, {}); }

 private:
  Level shown_ = Level::kMessage;
  bool caused_ = false;
  std::vector<std::string> lines_;
};

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_TRANSCRIPT_H_
