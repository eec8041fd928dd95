#include "tests/unit/paxos/cluster.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::paxos {

Cluster::Cluster(int nodes, std::function<void(ReplicaOptions&)> adjust) {
  std::vector<NodeId> voters;
  for (int node = 1; node <= nodes; ++node) voters.push_back(Id(node));
  for (const NodeId id : voters) {
    Node& node = nodes_[id];
    node.options.self = id;
    node.options.voters = voters;
    if (adjust) adjust(node.options);
    Start(node);
  }
}

void Cluster::Start(Node& node) {
  ReplicaOptions options = node.options;
  // Fresh for every life of every node.
  options.seed = node.options.seed * 1'000'000 + 1000 * ++lives_ + node.options.self.value();
  node.applied.clear();
  node.replica = std::make_unique<Replica>(std::move(options), Recover(node.durable));
}

RecoveredState Cluster::Recover(const std::vector<Record>& records) {
  RecoveredState state;
  std::map<Slot, AcceptedValue> values;
  std::map<Slot, bool> learned;
  Slot hint;
  for (const Record& record : records) {
    if (const auto* promise = std::get_if<PromiseRecord>(&record.body)) {
      state.promised = std::max(state.promised, promise->ballot);
    } else if (const auto* accepted = std::get_if<AcceptedRecord>(&record.body)) {
      state.promised = std::max(state.promised, accepted->ballot);
      hint = std::max(hint, accepted->chosen_through);
      if (!learned[accepted->slot]) {
        values.insert_or_assign(accepted->slot,
                                AcceptedValue{accepted->slot, accepted->ballot, accepted->value});
      }
    } else if (const auto* value = std::get_if<LearnedRecord>(&record.body)) {
      learned[value->slot] = true;
      hint = std::max(hint, value->slot);
      values.insert_or_assign(value->slot, AcceptedValue{value->slot, Ballot(), value->value});
    }
  }
  for (auto& [slot, value] : values) {
    if (slot <= hint && slot == state.chosen_through.next()) {
      state.chosen.push_back({slot, value.value});
      state.chosen_through = slot;
    } else {
      SYNOD_CHECK(slot > hint && value.ballot) << "slot=" << slot << " is missing below the hint";
      state.accepted.push_back(value);
    }
  }
  return state;
}

void Cluster::Tick(int node) {
  if (nodes_.at(Id(node)).replica) at(node).Tick();
  Settle();
}

void Cluster::TickAll(int ticks) {
  for (int i = 0; i < ticks; ++i) {
    for (auto& [id, node] : nodes_) {
      if (node.replica) node.replica->Tick();
    }
    Settle();
  }
}

void Cluster::Settle() {
  Drive();
  while (!network_.empty()) {
    Deliver(0);
    Drive();
  }
}

void Cluster::Drive() {
  bool moved = true;
  while (moved) {
    moved = false;
    for (auto& [id, node] : nodes_) {
      while (node.replica && node.replica->HasReady()) moved = CarryOut(node) || moved;
      while (node.replica && Sync(node)) moved = true;
    }
  }
}

bool Cluster::CarryOut(Node& node) {
  Ready ready = node.replica->TakeReady();
  for (Message& message : ready.messages) Put(std::move(message));
  if (ready.token != 0) {
    node.unsynced.push_back(
        {ready.token, std::move(ready.records), std::move(ready.messages_after_sync)});
  } else if (!ready.messages_after_sync.empty()) {
    SYNOD_CHECK(!node.unsynced.empty());
    for (Message& message : ready.messages_after_sync) {
      node.unsynced.back().messages.push_back(std::move(message));
    }
  }
  for (const ChosenValue& chosen : ready.chosen) {
    std::vector<std::string>& payloads = node.applied[chosen.slot];
    for (const CommandView& command : chosen.value.Commands()) {
      payloads.emplace_back(command.payload.data(), command.payload.size());
    }
    node.replica->Applied(chosen.slot, chosen.slot);
  }
  for (const SafeRead& read : ready.reads) node.reads.push_back(read);
  for (const LearnReply& reply : ready.learn_replies) AnswerLearn(node, reply);
  return true;
}

bool Cluster::Sync(Node& node) {
  if (node.hold_sync || node.unsynced.empty()) return false;
  Waiting waiting = std::move(node.unsynced.front());
  node.unsynced.pop_front();
  for (Record& record : waiting.records) node.durable.push_back(std::move(record));
  for (Message& message : waiting.messages) Put(std::move(message));
  node.replica->Persisted(waiting.token);
  return true;
}

void Cluster::AnswerLearn(Node& node, const LearnReply& reply) {
  std::vector<Record> records = node.durable;
  for (const Waiting& waiting : node.unsynced) {
    records.insert(records.end(), waiting.records.begin(), waiting.records.end());
  }
  // Two values a message, so that catching up takes several.
  Learned learned{{}, reply.last_slot};
  std::map<Slot, Value> values;
  RecoveredState state = Recover(records);
  for (const ChosenValue& chosen : state.chosen) values.insert_or_assign(chosen.slot, chosen.value);
  for (const AcceptedValue& value : state.accepted) values.try_emplace(value.slot, value.value);
  for (Slot slot = reply.first_slot; slot <= reply.last_slot && learned.values.size() < 2; ++slot) {
    const auto at = values.find(slot);
    if (at == values.end()) break;
    learned.values.push_back({slot, at->second});
  }
  Put({node.options.group, node.options.self, reply.to, std::move(learned)});
}

void Cluster::Put(Message message) {
  said_.push_back(message);
  if (cut_.contains({message.from, message.to})) return;
  network_.push_back(std::move(message));
}

void Cluster::Deliver(size_t index) {
  Message message = std::move(network_.at(index));
  network_.erase(network_.begin() + static_cast<std::ptrdiff_t>(index));
  Node& node = nodes_.at(message.to);
  if (node.replica) node.replica->Step(std::move(message));
}

int Cluster::leader() {
  for (auto& [id, node] : nodes_) {
    if (node.replica && node.replica->status().leader_serves) return static_cast<int>(id.value());
  }
  return 0;
}

int Cluster::ElectLeader() {
  for (int ticks = 0; ticks < 1000; ++ticks) {
    if (const int node = leader(); node != 0) return node;
    TickAll();
  }
  return 0;
}

bool Cluster::Propose(int node, const std::string& payload) {
  Node& proposing = nodes_.at(Id(node));
  return proposing.replica->Propose({{proposing.options.self, ++proposing.sequence}, payload}) ==
         Admission::kAdmitted;
}

void Cluster::Cut(int a, int b, bool cut) {
  for (const auto& pair : {std::pair(Id(a), Id(b)), std::pair(Id(b), Id(a))}) {
    if (cut) {
      cut_.insert(pair);
    } else {
      cut_.erase(pair);
    }
  }
}

void Cluster::Isolate(int node, bool cut) {
  for (const auto& [id, other] : nodes_) {
    if (id != Id(node)) Cut(node, static_cast<int>(id.value()), cut);
  }
}

void Cluster::Crash(int number) {
  Node& node = nodes_.at(Id(number));
  node.replica.reset();
  node.unsynced.clear();
  node.reads.clear();
}

void Cluster::Restart(int node) {
  Start(nodes_.at(Id(node)));
}

std::vector<std::string> Cluster::commands(int node) {
  std::vector<std::string> all;
  for (const auto& [slot, payloads] : applied(node)) {
    all.insert(all.end(), payloads.begin(), payloads.end());
  }
  return all;
}

}  // namespace synod::paxos
