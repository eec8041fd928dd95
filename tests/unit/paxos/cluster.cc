#include "tests/unit/paxos/cluster.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace synod::paxos {

namespace {

ConfigurationHistory FirstOf(int nodes) {
  std::vector<NodeId> voters;
  for (int node = 1; node <= nodes; ++node) voters.push_back(Cluster::Id(node));
  return ConfigurationHistory(Configuration::OfVoters(voters));
}

}  // namespace

Cluster::Cluster(int nodes, std::function<void(ReplicaOptions&)> adjust) {
  for (int node = 1; node <= nodes; ++node) {
    Add(node, FirstOf(nodes));
    if (adjust) adjust(nodes_.at(Id(node)).options);
  }
  for (auto& [id, node] : nodes_) Start(node);
}

Cluster Cluster::Unborn(int nodes) {
  Cluster cluster;
  for (int node = 1; node <= nodes; ++node) {
    cluster.Add(node, FirstOf(nodes));
    cluster.nodes_.at(Id(node)).born_founded = false;
  }
  for (auto& [id, node] : cluster.nodes_) cluster.Start(node);
  return cluster;
}

void Cluster::Add(int number, const ConfigurationHistory& configurations) {
  Node& node = nodes_[Id(number)];
  node.options.self = Id(number);
  node.instance = 1000 + static_cast<uint64_t>(number);
  node.base.configurations = node.first = configurations;
}

void Cluster::Start(Node& node) {
  ReplicaOptions options = node.options;
  // Fresh for every life of every node.
  options.seed = node.options.seed * 1'000'000 + 1000 * ++lives_ + node.options.self.value();
  node.applied = node.base.applied;
  node.last_applied = node.base.slot;
  node.configurations = node.base.configurations;
  node.replica = std::make_unique<Replica>(std::move(options), Recover(node, node.durable));
}

// The log's part of a restart, in the small; the real one is services/node/recovery.cc.
RecoveredState Cluster::Recover(const Node& node, const std::vector<Record>& records) {
  RecoveredState state;
  state.applied = state.vote_floor = node.base.slot;
  state.configurations = node.base.configurations;
  state.contacts = node.contacts;
  state.instance = node.instance;
  state.founded = node.born_founded;
  state.lost_through = node.lost_through;
  std::map<Slot, AcceptedValue> values;
  std::set<Slot> learned;
  Slot hint;
  for (const Record& record : records) {
    if (const auto* promise = std::get_if<PromiseRecord>(&record.body)) {
      state.promised = std::max(state.promised, promise->ballot);
    } else if (const auto* accepted = std::get_if<AcceptedRecord>(&record.body)) {
      state.promised = std::max(state.promised, accepted->ballot);
      hint = std::max(hint, accepted->chosen_through);
      if (!learned.contains(accepted->slot)) {
        values.insert_or_assign(accepted->slot,
                                AcceptedValue{accepted->slot, accepted->ballot, accepted->value});
      }
    } else if (const auto* value = std::get_if<LearnedRecord>(&record.body)) {
      learned.insert(value->slot);
      hint = std::max(hint, value->slot);
      values.insert_or_assign(value->slot, AcceptedValue{value->slot, Ballot(), value->value});
    } else if (const auto* met = std::get_if<MetRecord>(&record.body)) {
      state.instances = met->instances;
    } else if (const auto* founded = std::get_if<FoundedRecord>(&record.body)) {
      state.founded = true;
      state.instances = founded->instances;
    } else {
      state.lost_through = Ballot();
    }
  }
  for (const auto& [slot, bound] : node.corrupt) {
    const auto at = values.find(slot);
    const bool healed = learned.contains(slot) || (at != values.end() && at->second.ballot > bound);
    if (!healed && slot > state.applied) state.unknown.push_back({slot, bound});
  }
  const auto doubtful = [&](const AcceptedValue& value) {
    return std::any_of(state.unknown.begin(), state.unknown.end(),
                       [&](const UnknownVote& vote) { return vote.slot == value.slot; }) ||
           (state.lost_through && value.ballot && value.ballot < state.lost_through);
  };
  for (auto& [slot, value] : values) {
    if (slot <= state.applied) continue;
    if (slot <= hint && !doubtful(value)) {
      state.chosen.push_back({slot, value.value});
    } else {
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
    if (chosen.slot <= node.last_applied) continue;  // a snapshot was quicker
    SYNOD_CHECK(chosen.slot == node.last_applied.next()) << "handed out slot=" << chosen.slot;
    node.last_applied = chosen.slot;
    node.configurations.Choose(chosen.slot, chosen.value, node.options.window);
    std::vector<std::string>& payloads = node.applied[chosen.slot];
    for (const CommandView& command : chosen.value.Commands()) {
      payloads.emplace_back(command.payload.data(), command.payload.size());
    }
    node.replica->Applied(chosen.slot, flushes_ ? chosen.slot : node.base.slot);
  }
  for (const SafeRead& read : ready.reads) node.reads.push_back(read);
  for (const LearnReply& reply : ready.learn_replies) AnswerLearn(node, reply);
  if (ready.snapshot_fetch) {
    SYNOD_CHECK(!node.fetch) << "two fetches at once";
    node.fetch = ready.snapshot_fetch;
    if (!hold_fetches_) FinishFetch(static_cast<int>(node.options.self.value()), true);
  }
  return true;
}

void Cluster::FinishFetch(int number, bool success) {
  Node& node = nodes_.at(Id(number));
  const SnapshotFetch fetch = *std::exchange(node.fetch, std::nullopt);
  const Node& source = nodes_.at(fetch.from);
  if (!success || source.last_applied < fetch.at_least ||
      source.last_applied <= node.last_applied) {
    node.replica->FetchFailed();
    return;
  }
  node.base = {source.last_applied, source.configurations, source.applied};
  node.applied = node.base.applied;
  node.last_applied = node.base.slot;
  node.configurations = node.base.configurations;
  node.replica->Installed(node.base.slot, node.base.configurations);
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
  if (reply.first_slot <= node.base.slot) {
    if (node.last_applied) {
      Put({node.options.group, node.options.self, reply.to, SnapshotOffer{node.last_applied}});
    }
    return;
  }
  Learned learned{{}, reply.last_slot};
  std::map<Slot, Value> values;
  RecoveredState state = Recover(node, records);
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
  const auto node = nodes_.find(message.to);  // a member may not have been started yet
  if (node == nodes_.end() || !node->second.replica) return;
  node->second.replica->Step(std::move(message));
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

void Cluster::CutOneWay(int from, int to, bool cut) {
  if (cut) {
    cut_.insert({Id(from), Id(to)});
  } else {
    cut_.erase({Id(from), Id(to)});
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
  node.fetch.reset();
}

void Cluster::Join(int number, int contact) {
  Add(number, ConfigurationHistory());
  Node& node = nodes_.at(Id(number));
  node.born_founded = false;
  node.options = nodes_.at(Id(contact)).options;
  node.options.self = Id(number);
  node.contacts = {Id(contact)};
  Start(node);
}

void Cluster::Wipe(int number) {
  Node& node = nodes_.at(Id(number));
  node.durable.clear();
  node.corrupt.clear();
  // One that joined starts as it did then: blank.
  node.base = {Slot(), node.contacts.empty() ? node.first : ConfigurationHistory(), {}};
  node.born_founded = false;
  node.instance += 1000;
}

void Cluster::Corrupt(int number, int slot) {
  Node& node = nodes_.at(Id(number));
  Ballot bound;
  const size_t lost = std::erase_if(node.durable, [&](const Record& record) {
    if (const auto* learned = std::get_if<LearnedRecord>(&record.body)) {
      return learned->slot == Slot(static_cast<uint64_t>(slot));
    }
    const auto* accepted = std::get_if<AcceptedRecord>(&record.body);
    if (accepted == nullptr || accepted->slot != Slot(static_cast<uint64_t>(slot))) return false;
    bound = std::max(bound, accepted->ballot);
    return true;
  });
  SYNOD_CHECK(lost > 0) << "node " << number << " holds nothing in slot " << slot;
  node.corrupt[Slot(static_cast<uint64_t>(slot))] = bound;
}

void Cluster::LoseVotes(int number) {
  Node& node = nodes_.at(Id(number));
  std::erase_if(node.durable, [&](Record& record) {
    if (const auto* accepted = std::get_if<AcceptedRecord>(&record.body)) {
      node.lost_through = std::max(node.lost_through, accepted->ballot);
      // Promises are kept apart from votes and were not lost.
      record.body = PromiseRecord{accepted->ballot};
      return false;
    }
    return std::holds_alternative<LearnedRecord>(record.body);
  });
}

void Cluster::CutLog(int number) {
  Node& node = nodes_.at(Id(number));
  node.base = {node.last_applied, node.configurations, node.applied};
}

bool Cluster::Reconfigure(int number, std::vector<ConfigMember> members) {
  Node& node = nodes_.at(Id(number));
  ConfigurationChange change{node.replica->status().configuration_slot,
                             Configuration(std::move(members))};
  return node.replica->Propose({{node.options.self, ++node.sequence},
                                change.Encode(),
                                CommandKind::kConfiguration}) == Admission::kAdmitted;
}

ConfigMember Cluster::Member(int number, bool voter) {
  const auto node = nodes_.find(Id(number));
  // As the promotion of a learner does.
  const uint64_t instance = voter && node != nodes_.end() ? node->second.instance : 0;
  return {Id(number), voter, instance, ""};
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
