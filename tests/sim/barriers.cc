#include "tests/sim/barriers.h"

#include <utility>

#include "tests/sim/say.h"

namespace synod::sim {

size_t Barriers::NewWrite(const std::string& key) {
  const size_t index = history_.size();
  Operation& operation = history_.emplace_back();
  operation.client = -1;
  operation.sent = world_.loop.now();
  kv::PutRequest put;
  put.key = key;
  put.value = Say(index);
  operation.body = WriteOperation{put, {}, {}, {}};
  return index;
}

bool Barriers::Answered(size_t operation, Reply&& reply) {
  const bool ok = OutcomeOf(reply) == Outcome::kOk;
  if (ok) history_[operation].answered = world_.loop.now();
  std::get<WriteOperation>(history_[operation].body).reply = std::get<WriteReply>(std::move(reply));
  return ok;
}

void Barriers::Begin(Node& node, absl::Duration again) {
  const size_t operation = NewWrite(Say("barrier", node.id()));
  Deliver(node, history_, operation, [this, operation, &node](Reply&& reply) {
    if (Answered(operation, std::move(reply))) nodes_.insert(node.id());
  });
  world_.loop.After(again, [this, &node, again] {
    if (!Passed(node) && !node.retired()) Begin(node, again);
  });
}

void Barriers::Begin(Balancer& balancer, absl::Duration again) {
  const size_t operation = NewWrite("balancer");
  balancer.Call(operation, [this, operation, &balancer](Reply&& reply) {
    if (Answered(operation, std::move(reply))) balancers_.insert(&balancer);
  });
  world_.loop.After(again, [this, operation, &balancer, again] {
    if (Passed(balancer)) return;
    balancer.Cancel(operation);
    Begin(balancer, again);
  });
}

}  // namespace synod::sim
