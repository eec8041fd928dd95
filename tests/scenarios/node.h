// One node of a scenario: the real core and the real acceptor log on a disk in memory; the state
// machine is the list of what was applied. Carries out Readys at once, one after the other
// (ready.h), unless its log is held.
//
// Thread-safety: none.
#ifndef SYNOD_TESTS_SCENARIOS_NODE_H_
#define SYNOD_TESTS_SCENARIOS_NODE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/ids.h"
#include "services/paxos/replica.h"
#include "services/storage/acceptor_log.h"
#include "tests/scenarios/network.h"
#include "tests/scenarios/transcript.h"
#include "tests/unit/storage/fault_env.h"

namespace synod::scenarios {

inline constexpr GroupId kGroup{1};
inline constexpr ClusterId kCluster{1};
inline constexpr char kLogDir[] = "log";

class Node {
 public:
  struct Options {
    NodeId id;
    paxos::ConfigurationHistory first;  // empty for a node that joins
    std::vector<NodeId> contacts;       // whom that one asks
    bool founded = false;               // its log is one of a cluster that was born before
    size_t window = 0;
  };
  // Who outlives it.
  struct Surroundings {
    Transcript& transcript;
    Network& network;
    const std::map<NodeId, std::unique_ptr<Node>>& nodes;
  };

  Node(Options options, Surroundings around);
  ~Node();

  // Recovers from what the disk holds. It may refuse, and then stays down.
  void Start();
  // kill -9: what no sync has covered is gone.
  void Crash();
  // A crashed node gets an empty disk, or loses its durable state alone.
  void Wipe();
  void LoseState();
  // It was never started, crashed, or refused to start.
  bool down() const { return replica_ == nullptr; }

  // Takes no ticks and no messages. Both wait.
  void Pause(bool paused) { paused_ = paused; }
  bool paused() const { return paused_; }

  // A held log makes nothing durable; what waits for it waits.
  void HoldLog(bool held);

  // Below, precondition: not down.

  void Tick();
  void Step(paxos::Message message);
  void Propose(paxos::Command command);
  void Propose(const std::string& payload);
  void Read(uint64_t read_id);
  void HandOver(NodeId to);
  // Makes the state durable, and forgets the log through it.
  void CutLog();

  paxos::ReplicaStatus status() const { return replica_->status(); }
  std::vector<paxos::MemberProgress> progress() const { return replica_->progress(); }
  const storage::AcceptorLog& log() const { return *log_; }
  Slot applied() const { return state_.slot; }
  // What was applied, in words, no-ops left out.
  std::string StateWords() const;

  storage::FaultEnv& disk() { return *disk_; }
  NodeId id() const { return options_.id; }

 private:
  // A state machine's; the durable one survives a crash.
  struct State {
    Slot slot;
    paxos::ConfigurationHistory configurations;
    std::vector<std::string> values;
  };
  struct Work {
    std::vector<paxos::Record> records;
    std::vector<paxos::Message> messages;
    std::vector<paxos::LearnReply> learn_replies;
    paxos::PersistToken token = 0;
  };

  bool OpenLog();
  void Found();
  void SayRecovered(const paxos::RecoveredState& recovered);

  void Drive();
  void CarryOut(paxos::Ready ready);
  void SyncLog();
  void Apply(const paxos::ChosenValue& chosen);
  void AnswerReads();
  void Teach(const paxos::LearnReply& reply);
  void Install(const paxos::SnapshotFetch& fetch);
  void SayChanges();

  void Send(NodeId to, paxos::MessageBody body);
  void Say(Level level, const std::string& what);

  const Options options_;
  const Surroundings around_;
  std::unique_ptr<storage::FaultEnv> disk_ = std::make_unique<storage::FaultEnv>();
  State durable_;
  uint64_t lives_ = 0;
  uint64_t disks_ = 1;
  uint64_t sequence_ = 0;
  bool paused_ = false;
  bool held_ = false;

  // Of one life.
  std::unique_ptr<storage::AcceptorLog> log_;
  std::unique_ptr<paxos::Replica> replica_;
  paxos::ReplicaStatus said_;  // as far as the transcript tells
  State state_;
  std::deque<Work> work_;
  std::multimap<Slot, uint64_t> reads_;
};

}  // namespace synod::scenarios

#endif  // SYNOD_TESTS_SCENARIOS_NODE_H_
