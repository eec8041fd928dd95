#include "tests/sim/linearizer.h"

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "tests/sim/kv_model.h"

namespace synod::sim {
namespace {

constexpr size_t kMaxOperations = 512;
using Done = std::array<uint64_t, kMaxOperations / 64>;  // a bit per operation
using State = std::shared_ptr<const KvModel>;

void Flip(Done& done, size_t operation) {
  done[operation / 64] ^= uint64_t{1} << operation % 64;
}

bool IsSearched(const Operation& operation) {
  if (const auto* read = std::get_if<ReadOperation>(&operation.body)) {
    return read->reply.outcome == Outcome::kOk && !read->request.serializable;
  }
  return std::get<WriteOperation>(operation.body).reply.outcome != Outcome::kRefused;
}

// True when the answer must be explained: a write without one may as well not have happened.
bool IsCertain(const Operation& operation) {
  const auto* write = std::get_if<WriteOperation>(&operation.body);
  return write == nullptr || write->reply.outcome == Outcome::kOk;
}

// The revision that an answer names.
kv::Revision RevisionOf(const Operation& operation) {
  if (const auto* read = std::get_if<ReadOperation>(&operation.body)) return read->reply.revision;
  return std::get<WriteOperation>(operation.body).reply.result.revision;
}

// The state after the operation; null when the model would not have answered like that, or when an
// operation without an answer changes nothing, which is as good as leaving it out.
State Try(const State& state, const Operation& operation) {
  if (const auto* read = std::get_if<ReadOperation>(&operation.body)) {
    if (state->revision() != read->reply.revision) return nullptr;
    const kv::Error error = state->Refuses(read->request.revision);
    if (error != read->reply.error) return nullptr;
    const kv::Revision at = read->request.revision > 0 ? read->request.revision : state->revision();
    const bool agrees = error != kv::Error::kNone ||
                        Flatten(state->Range(read->request, at)) == Flatten(read->reply.response);
    return agrees ? state : nullptr;
  }
  const auto& write = std::get<WriteOperation>(operation.body);
  if (IsCertain(operation)) {
    // A write moves the revision by one or not at all.
    const kv::Revision ahead = write.reply.result.revision - state->revision();
    if (ahead < 0 || ahead > 1) return nullptr;
  }
  auto next = std::make_shared<KvModel>(*state);
  const kv::Result result = next->Apply(write.request);
  const bool agrees = IsCertain(operation) ? Flatten(result) == Flatten(write.reply.result)
                                           : next->digest() != state->digest();
  return agrees ? next : nullptr;
}

class Search {
 public:
  Search(std::vector<const Operation*> operations, uint64_t max_steps)
      : operations_(std::move(operations)), steps_left_(max_steps) {
    for (size_t i = 0; i < operations_.size(); ++i) {
      const Operation& operation = *operations_[i];
      events_.push_back({operation.sent, i, true});
      if (!IsCertain(operation)) continue;
      events_.push_back({operation.answered, i, false});
      unexplained_.insert(RevisionOf(operation));
    }
    // What is sent at the instant of another's answer was not sent behind it.
    events_.sort([](const Event& a, const Event& b) {
      return a.at != b.at ? a.at < b.at : a.is_call > b.is_call;
    });
    returns_.resize(operations_.size(), events_.end());
    for (auto event = events_.begin(); event != events_.end(); ++event) {
      if (!event->is_call) returns_[event->operation] = event;
    }
  }

  // Of what may come next, answered operations are tried first: writes without an answer fit in too
  // many places, and are better left until something cannot be explained without them.
  SearchOutcome Run() {
    auto event = events_.begin();
    bool certain = true;  // which of the two kinds is being tried
    while (!unexplained_.empty()) {
      if (event != events_.end() && event->is_call) {
        if (IsCertain(*operations_[event->operation]) != certain) {
          ++event;
          continue;
        }
        if (steps_left_-- == 0) return SearchOutcome::kGaveUp;
        const bool taken = Take(event);
        event = taken ? events_.begin() : std::next(event);
        certain = certain || taken;
        continue;
      }
      // The end, or an answer to something that nothing explains yet.
      if (std::exchange(certain, false)) {
        event = events_.begin();
        continue;
      }
      if (path_.empty()) return SearchOutcome::kNotLinearizable;
      event = Return();
      certain = IsCertain(*operations_[event->operation]);
      ++event;
    }
    return SearchOutcome::kLinearizable;
  }

 private:
  struct Event {
    absl::Duration at;
    size_t operation;
    bool is_call;
  };
  using Place = std::list<Event>::iterator;

  // One step of the order under trial, and how to take it back.
  struct Step {
    Place call;
    Place before_call;  // where to put the events back: in front of these
    Place before_return;
    State state;  // before the step
  };

  // Revisions never fall: with the store at `revision`, is an answer left that names a lower one?
  bool LeavesBehind(kv::Revision revision, const Operation& taken) const {
    auto lowest = unexplained_.begin();
    if (lowest != unexplained_.end() && IsCertain(taken) && *lowest == RevisionOf(taken)) ++lowest;
    return lowest != unexplained_.end() && *lowest < revision;
  }

  bool Take(Place call) {
    const size_t index = call->operation;
    State next = Try(state_, *operations_[index]);
    if (next == nullptr || LeavesBehind(next->revision(), *operations_[index])) return false;
    Flip(done_, index);
    if (!tried_.insert({done_, next->digest()}).second) {
      Flip(done_, index);
      return false;
    }
    Step step{call, std::next(call), events_.end(), std::exchange(state_, std::move(next))};
    taken_.splice(taken_.end(), events_, call);
    if (const Place answer = returns_[index]; IsCertain(*operations_[index])) {
      step.before_return = std::next(answer);
      taken_.splice(taken_.end(), events_, answer);
      unexplained_.erase(unexplained_.find(RevisionOf(*operations_[index])));
    }
    path_.push_back(std::move(step));
    return true;
  }

  // Takes back the last step; its call.
  Place Return() {
    Step step = std::move(path_.back());
    path_.pop_back();
    const size_t index = step.call->operation;
    if (IsCertain(*operations_[index])) {
      events_.splice(step.before_return, taken_, returns_[index]);
      unexplained_.insert(RevisionOf(*operations_[index]));
    }
    events_.splice(step.before_call, taken_, step.call);
    Flip(done_, index);
    state_ = std::move(step.state);
    return step.call;
  }

  const std::vector<const Operation*> operations_;
  uint64_t steps_left_;
  std::list<Event> events_;  // of operations that have no place yet, in the order of time
  std::list<Event> taken_;
  std::vector<Place> returns_;
  std::multiset<kv::Revision> unexplained_;  // what the answers without a place name
  State state_ = std::make_shared<KvModel>();
  Done done_{};
  std::set<std::pair<Done, uint64_t>> tried_;  // operations done and the state they led to
  std::vector<Step> path_;
};

}  // namespace

SearchOutcome SearchLinearization(const History& history, const SearchLimits& limits) {
  std::vector<const Operation*> operations;
  for (const Operation& operation : history) {
    if (IsSearched(operation)) operations.push_back(&operation);
  }
  if (operations.size() > std::min(limits.max_operations, kMaxOperations)) {
    return SearchOutcome::kTooLong;
  }
  return Search(std::move(operations), limits.max_steps).Run();
}

}  // namespace synod::sim
