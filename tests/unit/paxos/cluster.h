// A cluster of replicas in one test: messages lie in a list until the test delivers or drops them,
// logs become durable when the test says so. Deterministic; no time but ticks.
#ifndef SYNOD_TESTS_UNIT_PAXOS_CLUSTER_H_
#define SYNOD_TESTS_UNIT_PAXOS_CLUSTER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "services/paxos/replica.h"

namespace synod::paxos {

class Cluster {
 public:
  // Voters 1 to `nodes` with logs that are founded.
  explicit Cluster(int nodes, std::function<void(ReplicaOptions&)> adjust = nullptr);
  // The same, before any log is founded.
  static Cluster Unborn(int nodes);

  Replica& at(int node) { return *nodes_.at(Id(node)).replica; }
  static NodeId Id(int node) { return NodeId(static_cast<uint64_t>(node)); }

  // One tick for one node or all (that run), then Settle.
  void Tick(int node);
  void TickAll(int ticks = 1);

  // Carries out Readys and delivers messages until nothing moves.
  void Settle();
  // Carries out Readys without delivering anything.
  void Drive();
  void Deliver(size_t index);

  // Ticks everybody until somebody serves as leader; its number, or 0 after 1,000 ticks.
  int ElectLeader();
  int leader();

  bool Propose(int node, const std::string& payload);

  // A node that does not sync keeps its records and messages_after_sync waiting.
  void HoldSync(int node, bool hold) { nodes_.at(Id(node)).hold_sync = hold; }
  // Messages between the two are lost, both ways.
  void Cut(int a, int b, bool cut = true);
  void Isolate(int node, bool cut = true);
  // One direction only.
  void CutOneWay(int from, int to, bool cut = true);
  // Loses what is not durable; Restart reads the rest back.
  void Crash(int node);
  void Restart(int node);

  // A node with an empty log that knows whom to ask, and nothing else. It runs.
  void Join(int node, int contact);
  // A crashed node's log is replaced by an empty one.
  void Wipe(int node);
  // A crashed node's log can no longer read this slot, and says so.
  void Corrupt(int node, int slot);
  // A crashed node's log has lost records and cannot say which.
  void LoseVotes(int node);
  // The node forgets the log up to what it has applied, and teaches by snapshots from there.
  void CutLog(int node);
  // Whether nodes call applied slots durable at once, or never: then a restart has only the log.
  void SetFlushes(bool flushes) { flushes_ = flushes; }
  // Snapshots are fetched at once, or only by FinishFetch.
  void HoldFetches(bool hold) { hold_fetches_ = hold; }
  void FinishFetch(int node, bool success);
  bool fetching(int node) { return nodes_.at(Id(node)).fetch.has_value(); }

  // Proposes the change from the newest configuration that `node` knows to one of these members.
  bool Reconfigure(int node, std::vector<ConfigMember> members);
  ConfigMember Member(int node, bool voter = true);
  const Configuration& configuration(int node) { return *at(node).status().configuration; }

  // Applied payloads ("" for a no-op) by slot, of one node.
  const std::map<Slot, std::vector<std::string>>& applied(int node) {
    return nodes_.at(Id(node)).applied;
  }
  std::vector<std::string> commands(int node);  // all applied payloads in order
  const std::vector<SafeRead>& reads(int node) { return nodes_.at(Id(node)).reads; }

  std::deque<Message>& network() { return network_; }
  // Every message ever sent, for tests that look at what was said.
  const std::vector<Message>& said() const { return said_; }
  template <class Body>
  std::vector<std::pair<Message, Body>> Said() const {
    std::vector<std::pair<Message, Body>> found;
    for (const Message& message : said_) {
      if (const auto* body = std::get_if<Body>(&message.body)) found.push_back({message, *body});
    }
    return found;
  }

 private:
  struct Waiting {
    PersistToken token;
    std::vector<Record> records;
    std::vector<Message> messages;
  };
  // What a snapshot carries; also a node's own durable state after it has cut its log.
  struct State {
    Slot slot;
    ConfigurationHistory configurations;
    std::map<Slot, std::vector<std::string>> applied;
  };
  struct Node {
    ReplicaOptions options;
    uint64_t instance = 0;
    bool born_founded = true;
    ConfigurationHistory first;
    State base;
    ConfigurationHistory configurations;  // as of the last applied slot
    Slot last_applied;
    std::vector<NodeId> contacts;
    std::map<Slot, Ballot> corrupt;
    Ballot lost_through;
    std::optional<SnapshotFetch> fetch;
    std::unique_ptr<Replica> replica;
    std::vector<Record> durable;
    std::deque<Waiting> unsynced;
    bool hold_sync = false;
    std::map<Slot, std::vector<std::string>> applied;
    std::vector<SafeRead> reads;
    uint64_t sequence = 0;
  };

  Cluster() = default;
  void Add(int node, const ConfigurationHistory& configurations);
  void Start(Node& node);
  bool CarryOut(Node& node);
  bool Sync(Node& node);
  void Put(Message message);
  void AnswerLearn(Node& node, const LearnReply& reply);
  static RecoveredState Recover(const Node& node, const std::vector<Record>& records);

  std::map<NodeId, Node> nodes_;
  std::deque<Message> network_;
  std::vector<Message> said_;
  std::set<std::pair<NodeId, NodeId>> cut_;
  uint64_t lives_ = 0;
  bool hold_fetches_ = false;
  bool flushes_ = true;
};

}  // namespace synod::paxos

#endif  // SYNOD_TESTS_UNIT_PAXOS_CLUSTER_H_
