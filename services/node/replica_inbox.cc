#include "services/node/replica_inbox.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace synod::node {
namespace {

size_t SizeOf(const paxos::Command& command) {
  return sizeof command + command.payload.size();
}

// Values and commands make messages big; all else is of fixed size.
struct BodySize {
  size_t operator()(const paxos::Promise& promise) const {
    size_t size = 0;
    for (const auto& accepted : promise.accepted) size += ValueSize(accepted.value);
    return size;
  }
  size_t operator()(const paxos::Learned& learned) const {
    size_t size = 0;
    for (const auto& chosen : learned.values) size += ValueSize(chosen.value);
    return size;
  }
  size_t operator()(const paxos::Forward& forward) const {
    size_t size = 0;
    for (const auto& command : forward.commands) size += SizeOf(command);
    return size;
  }
  size_t operator()(const paxos::Accept& accept) const { return ValueSize(accept.value); }
  template <class Other>
  size_t operator()(const Other&) const {
    return 0;
  }

  static size_t ValueSize(const paxos::Value& value) { return sizeof value + value.bytes().size(); }
};

size_t SizeOf(const paxos::Message& message) {
  return sizeof message + std::visit(BodySize(), message.body);
}

}  // namespace

void ReplicaInputs::Clear() {
  messages.clear();
  commands.clear();
  persisted = 0;
  durable_applied = Slot();
  hand_over_to = NodeId();
  fetch_end.reset();
}

bool ReplicaInbox::PostCommand(paxos::Command command) {
  const size_t size = SizeOf(command);
  absl::MutexLock lock(&mutex_);
  if (closed_ || command_bytes_ + size > limits_.command_bytes) return false;
  command_bytes_ += size;
  inputs_.commands.push_back(std::move(command));
  WakeLocked();
  return true;
}

void ReplicaInbox::PostMessages(std::vector<paxos::Message> messages) {
  size_t size = 0;
  for (const paxos::Message& message : messages) size += SizeOf(message);
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  // Messages larger than the bound come alone: a promise must get through whatever its size.
  if (!inputs_.messages.empty() && message_bytes_ + size > limits_.message_bytes) {
    messages_dropped_.fetch_add(messages.size(), std::memory_order_relaxed);
    return;
  }
  message_bytes_ += size;
  if (inputs_.messages.empty()) {
    inputs_.messages = std::move(messages);
  } else {
    std::move(messages.begin(), messages.end(), std::back_inserter(inputs_.messages));
  }
  WakeLocked();
}

void ReplicaInbox::PostPersisted(paxos::PersistToken token) {
  absl::MutexLock lock(&mutex_);
  inputs_.persisted = std::max(inputs_.persisted, token);
  WakeLocked();
}

void ReplicaInbox::PostDurable(Slot applied) {
  absl::MutexLock lock(&mutex_);
  inputs_.durable_applied = std::max(inputs_.durable_applied, applied);
}

void ReplicaInbox::PostHandOver(NodeId to) {
  absl::MutexLock lock(&mutex_);
  inputs_.hand_over_to = to;
  WakeLocked();
}

void ReplicaInbox::PostFetchEnd(FetchEnd end) {
  absl::MutexLock lock(&mutex_);
  inputs_.fetch_end = std::move(end);
  WakeLocked();
}

void ReplicaInbox::Wake() {
  absl::MutexLock lock(&mutex_);
  WakeLocked();
}

void ReplicaInbox::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  WakeLocked();
}

bool ReplicaInbox::Take(ReplicaInputs& inputs, absl::Duration timeout) {
  inputs.Clear();
  absl::MutexLock lock(&mutex_);
  if (!woken_ && timeout > absl::ZeroDuration()) {
    sleeping_ = true;
    posted_.WaitWithTimeout(&mutex_, timeout);
    sleeping_ = false;
  }
  woken_ = false;
  std::swap(inputs, inputs_);
  command_bytes_ = 0;
  message_bytes_ = 0;
  return !closed_;
}

double ReplicaInbox::utilization() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<double>(command_bytes_) / static_cast<double>(limits_.command_bytes);
}

}  // namespace synod::node
