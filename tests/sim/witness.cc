#include "tests/sim/witness.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "tests/sim/kv_model.h"
#include "tests/sim/say.h"

namespace synod::sim {
namespace {

// Places in the order: the n-th command of the log stands at 2n, reads between it and the next at
// 2n + 1. Reads before the first command stand at 1.
using Place = uint64_t;

constexpr Place kNowhere = 0;

struct Compaction {
  Place place = kNowhere;
  kv::Revision floor = 0;  // what lies below is unreadable from there on
};

struct Placed {
  const Operation* operation = nullptr;
  Place low = kNowhere;  // the places where the answer is right
  Place high = kNowhere;
};

class Witness {
 public:
  explicit Witness(const History& history) : history_(history) {}

  std::string Check(const std::vector<paxos::Value>& log) {
    Index();
    Replay(log);
    for (const Operation& operation : history_) {
      if (std::holds_alternative<ReadOperation>(operation.body)) {
        PlaceRead(operation);
      } else {
        CheckAbsent(operation);
      }
    }
    CheckMinimums();
    if (finding_.empty()) CheckRealTime();
    return finding_;
  }

 private:
  void Find(const Operation& operation, const std::string& what) {
    if (!finding_.empty()) return;
    finding_ = Say(what, " (client ", operation.client, " at node ", operation.node, ", sent at ",
                   absl::FormatDuration(operation.sent), ", answered at ",
                   absl::FormatDuration(operation.answered), ")");
  }

  void Index() {
    for (const Operation& operation : history_) {
      const auto* write = std::get_if<WriteOperation>(&operation.body);
      if (write == nullptr) continue;
      if (write->command.origin) writes_[write->command] = &operation;
      for (const paxos::CommandId& repeat : write->repeats) writes_[repeat] = &operation;
    }
  }

  // Commands that no client of the history sent do not occur: the observer checks validity.
  void Replay(const std::vector<paxos::Value>& log) {
    first_place_[model_.revision()] = 1;
    Place place = 0;
    for (const paxos::Value& value : log) {
      if (value.kind() == paxos::Value::Kind::kConfiguration) continue;
      for (const paxos::CommandView& command : value.Commands()) {
        place += 2;
        const auto found = writes_.find(command.id);
        if (found == writes_.end()) {
          finding_ = "W1: the log holds a command that no client sent";
          return;
        }
        ReplayWrite(*found->second, place);
      }
    }
    last_place_ = place + 1;
  }

  void ReplayWrite(const Operation& operation, Place place) {
    const auto& write = std::get<WriteOperation>(operation.body);
    const kv::Revision floor = model_.floor();
    const kv::Result result = model_.Apply(write.request);
    if (model_.floor() != floor) compactions_.push_back({place, model_.floor()});
    first_place_.emplace(result.revision, place + 1);
    if (!seen_.insert({write.command, place}).second) Find(operation, "W1: a write is done twice");
    if (write.reply.outcome == Outcome::kRefused) Find(operation, "W1: a refused write is done");
    if (write.reply.outcome == Outcome::kOk && Flatten(result) != Flatten(write.reply.result)) {
      Find(operation, Say("W2: a write's answer differs from the model's; revision ",
                          write.reply.result.revision, " instead of ", result.revision));
    }
    placed_.push_back({&operation, place, place});
  }

  void CheckAbsent(const Operation& operation) {
    const auto& write = std::get<WriteOperation>(operation.body);
    if (write.reply.outcome == Outcome::kOk && !seen_.contains(write.command)) {
      Find(operation, "W1: an acknowledged write is not in the log");
    }
  }

  void PlaceRead(const Operation& operation) {
    const auto& read = std::get<ReadOperation>(operation.body);
    if (read.reply.outcome != Outcome::kOk) return;
    const auto first = first_place_.find(read.reply.revision);
    if (first == first_place_.end()) {
      Find(operation, Say("W2: a read names revision ", read.reply.revision, ", which never was"));
      return;
    }
    const kv::Revision at = read.request.revision > 0 ? read.request.revision : read.reply.revision;
    const bool refused = read.reply.error != kv::Error::kNone;
    if (!refused && Flatten(model_.Range(read.request, at)) != Flatten(read.reply.response)) {
      Find(operation, Say("W2: a read's answer differs from the model's at revision ", at));
    }
    const auto next = std::next(first);
    Placed placed{&operation, first->second,
                  next == first_place_.end() ? last_place_ : next->second - 2};
    if (!FitsCompactions(read.reply, at, placed)) {
      Find(operation,
           Say("W2: a read of revision ", at, " at revision ", read.reply.revision,
               refused ? " is refused" : " is answered", ", which no compaction explains"));
    }
    if (!read.request.serializable) placed_.push_back(placed);
  }

  // Leaves of `placed` what lies on the right side of the compaction that made `at` unreadable.
  bool FitsCompactions(const ReadReply& reply, kv::Revision at, Placed& placed) const {
    if (reply.error == kv::Error::kFutureRevision) return at > reply.revision;
    if (at > reply.revision) return false;
    const auto compaction = std::find_if(compactions_.begin(), compactions_.end(),
                                         [at](const Compaction& made) { return made.floor > at; });
    const Place gone = compaction == compactions_.end() ? last_place_ + 1 : compaction->place;
    if (reply.error == kv::Error::kNone) {
      placed.high = std::min(placed.high, gone - 1);
    } else {
      placed.low = std::max(placed.low, gone + 1);
    }
    return placed.low <= placed.high;
  }

  // A client has one operation under way at a time, so the history has each one's in order.
  void CheckMinimums() {
    std::map<int, kv::Revision> seen;
    for (const Operation& operation : history_) {
      kv::Revision& newest = seen[operation.client];
      kv::Revision shown = 0;
      if (const auto* read = std::get_if<ReadOperation>(&operation.body)) {
        if (read->reply.outcome != Outcome::kOk) continue;
        shown = read->reply.revision;
        if (read->min_revision > 0 && shown < newest) {
          Find(operation, Say("W6: a read goes back from revision ", newest, " to ", shown));
        }
      } else if (const auto& write = std::get<WriteOperation>(operation.body);
                 write.reply.outcome == Outcome::kOk) {
        shown = write.reply.result.revision;
      }
      newest = std::max(newest, shown);
    }
  }

  // Earliest fit: in the order of sending, each operation takes the first of its places that is not
  // before the place of anything answered before it was sent. If that fails, every order fails.
  void CheckRealTime() {
    std::stable_sort(placed_.begin(), placed_.end(), [](const Placed& a, const Placed& b) {
      return a.operation->sent < b.operation->sent;
    });
    std::multimap<absl::Duration, Place> answers;  // not yet before the sending in hand
    Place floor = 0;
    for (const Placed& placed : placed_) {
      while (!answers.empty() && answers.begin()->first < placed.operation->sent) {
        floor = std::max(floor, answers.begin()->second);
        answers.erase(answers.begin());
      }
      const Place place = std::max(placed.low, floor);
      // A write needs a place of its own, behind the floor.
      const bool is_write = placed.low % 2 == 0;
      if (place > placed.high || (is_write && floor >= placed.low)) {
        Find(*placed.operation, Say("W3: a ", is_write ? "write" : "read",
                                    " misses what was answered before it was sent"));
        return;
      }
      answers.emplace(placed.operation->answered, place);
    }
  }

  const History& history_;
  KvModel model_;
  std::string finding_;
  std::map<paxos::CommandId, const Operation*> writes_;
  std::map<paxos::CommandId, Place> seen_;
  std::map<kv::Revision, Place> first_place_;  // first place where a read shows the revision
  std::vector<Compaction> compactions_;        // ascending in both
  Place last_place_ = 1;
  std::vector<Placed> placed_;
};

}  // namespace

std::string CheckHistory(const std::vector<paxos::Value>& chosen_log, const History& history) {
  return Witness(history).Check(chosen_log);
}

}  // namespace synod::sim
