// One simulated node: the real core, log, engine and state machine, and in place of threads and
// sockets the rules of ready.h carried out in virtual time.
#ifndef SYNOD_TESTS_SIM_NODE_H_
#define SYNOD_TESTS_SIM_NODE_H_

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/random.h"
#include "services/paxos/replica.h"
#include "tests/sim/applier.h"
#include "tests/sim/history.h"
#include "tests/sim/log_writer.h"
#include "tests/sim/network.h"
#include "tests/sim/node_storage.h"
#include "tests/sim/observer.h"
#include "tests/sim/plant.h"
#include "tests/sim/process.h"
#include "tests/sim/snapshot_giver.h"
#include "tests/sim/snapshot_taker.h"
#include "tests/sim/spotter.h"
#include "tests/sim/world.h"

namespace synod::sim {

struct SnapshotOptions {
  size_t chunk_bytes = 4096;                            // of a stream
  absl::Duration pace = absl::Microseconds(100);        // mean time between chunks
  absl::Duration keep = absl::Seconds(30);              // a copy nobody asks for
  absl::Duration patience = absl::Milliseconds(500);    // with a stream that brings nothing
  absl::Duration reads_linger = absl::Milliseconds(1);  // mean, on a state that was replaced
};

struct NodeOptions {
  std::vector<NodeId> voters;  // of the first configuration; empty for a node that joins later
  paxos::ReplicaOptions replica;
  ApplierOptions applier;
  absl::Duration tick = absl::Milliseconds(50);  // by this node's clock, drift included
  absl::Duration sync_latency = absl::Milliseconds(1);
  absl::Duration ready_delay;  // mean time inputs gather before their Ready is taken; zero: none
  absl::Duration request_timeout = absl::Seconds(5);
  double cut_chance = 0.01;   // per tick, of cutting the log as far as all members allow
  double cut_own_chance = 0;  // ... and as far as the own durable state allows
  SnapshotOptions snapshot;
  uint64_t segment_bytes = 64 << 10;
  Plant plant = Plant::kNone;
};

// This node's own, as the product's code is given it.
class NodeClock final : public Clock {
 public:
  // Both outlive it.
  NodeClock(const EventLoop& loop, const absl::Duration& ahead) : loop_(loop), ahead_(ahead) {}
  absl::Duration Monotonic() const override { return loop_.now() + ahead_; }
  absl::Time Wall() const override { return absl::UnixEpoch() + Monotonic(); }

 private:
  const EventLoop& loop_;
  const absl::Duration& ahead_;
};

class Node {
 public:
  using WriteDone = std::function<void(WriteReply)>;
  using ReadDone = std::function<void(ReadReply)>;

  // Who outlives it.
  struct Surroundings {
    Network& network;
    Observer& observer;
    Spotter& spotter;
    const std::vector<std::unique_ptr<Node>>& nodes;  // 1, 2, ...; this one too
  };

  Node(World& world, const Surroundings& around, NodeOptions options, Random random);
  ~Node();

  NodeId id() const { return options_.replica.self; }

  // The process starts, recovers and takes part after a while.
  void Start();
  // The same if it was up before, is down, and has not retired.
  void Restart() {
    if (started() && !running() && !retired_) Start();
  }
  void Kill();       // kill -9: the kernel keeps what it was given
  void LosePower();  // what was not synced may be lost
  // For good: it has been removed, or must not take part.
  void Retire();
  // Kill it, and give it an empty disk, or an empty state engine. It may start again.
  void Wipe();
  void LoseEngine();
  // Damages the log's files, or the state's and snapshots'; says where, or "".
  std::string Strike(Damage damage, Random random);
  std::string StrikeState(Damage damage, Random random);
  // What comes to pass with a snapshot: a piece of it is given away; the device does what each of
  // the steps of installing it needs.
  enum class SnapshotMoment { kGiven, kDownloaded, kCut, kExchanged };
  static constexpr int kSnapshotMoments = static_cast<int>(SnapshotMoment::kExchanged) + 1;
  // Damages the files that the moment is about; says where, or "".
  std::string StrikeSnapshot(SnapshotMoment moment, Damage damage, Random random);
  // Waits for the next such moment; `spring` returns false to wait for one more.
  void TrapSnapshot(SnapshotMoment moment, std::function<bool()> spring) {
    traps_[static_cast<size_t>(moment)] = std::move(spring);
  }
  void Pause();
  void Resume();
  // The node's clock is ahead by that much more.
  void JumpClock(absl::Duration ahead) { clock_ahead_ += ahead; }
  // Every sync from now on takes this many times as long.
  void SlowDisk(double factor) { disk_slowness_ = factor; }
  // When the disk has done what it was asked for at its slow pace.
  absl::Duration disk_busy_until() const { return disk_busy_until_; }

  // Until taken back: writes fail, or there is no space; the process stops when it meets that.
  void SetDiskTrouble(Disk::Trouble trouble) { storage_.disk().SetTrouble(trouble); }

  // Whom a node that joins asks for a snapshot.
  void SetContacts(std::vector<NodeId> contacts) { storage_.SetContacts(std::move(contacts)); }
  // Asks the group for this configuration in place of the newest one this node knows.
  void ProposeConfiguration(paxos::Configuration next);
  bool HandOver(NodeId to);
  std::vector<paxos::MemberProgress> Progress() const;

  bool started() const { return process_.life() > 0; }  // ever
  bool retired() const { return retired_; }
  bool wiped() const { return wiped_; }
  bool running() const { return process_.alive(); }
  // Runs and has recovered.
  bool Joined() const { return process_.alive() && life_ && life_->replica; }
  // Its log may vote, as far as has become durable.
  bool founded() const { return founded_; }
  // Fetches or installs a snapshot.
  bool fetching() const { return life_ && life_->fetching; }
  bool paused() const { return process_.paused(); }

  // `done` runs once unless the process dies or the request times out first; the caller gives up by
  // its own clock. The command's id, none when the write was refused at once.
  paxos::CommandId Write(const kv::Request& request, WriteDone done);
  // The answer shows `min_revision` or a later one (rpc/call.h).
  void Read(const kv::RangeRequest& request, kv::Revision min_revision, ReadDone done);

  // Runs `action` within this life of the process only.
  void After(absl::Duration delay, EventLoop::Action action) {
    process_.After(delay, std::move(action));
  }
  uint64_t life() const { return process_.life(); }

  // Of a node that runs and has recovered.
  std::optional<paxos::ReplicaStatus> Status() const;
  // Of such a node, by its own clock.
  absl::Duration quorum_contact_age() const;
  Slot applied() const { return life_ ? life_->applied : Slot(); }
  absl::StatusOr<uint32_t> StateHash() const;

 private:
  struct PendingWrite {
    absl::Duration since;
    WriteDone done;
  };
  struct PendingRead {
    absl::Duration since;
    kv::RangeRequest request;
    kv::Revision min_revision;
    ReadDone done;
  };
  // Dies with the process.
  struct Life {
    OpenStorage storage;
    std::unique_ptr<paxos::Replica> replica;
    std::unique_ptr<LogWriter> log_writer;
    std::unique_ptr<Applier> applier;
    std::unique_ptr<SnapshotGiver> giver;
    std::unique_ptr<SnapshotTaker> taker;
    bool fetching = false;  // or installing
    uint64_t next_sequence = 0;
    uint64_t next_read = 1;
    Slot applied;
    bool pump_scheduled = false;
    absl::Duration ticked_at;  // by this node's clock
    paxos::Ballot led;         // the last ballot this life led
    std::map<uint64_t, PendingWrite> writes;
    std::map<uint64_t, PendingRead> reads;      // waiting to be given a slot
    std::multimap<Slot, PendingRead> reads_at;  // waiting for that slot to be applied
  };

  // Where a planted bug bends a rule: node_plants.cc.
  bool Planted(Plant plant) const { return options_.plant == plant; }
  void BendRecovered(paxos::RecoveredState& recovered) const;
  void BendReady(paxos::Ready& ready);
  void BendChosen(std::vector<paxos::ChosenValue>& chosen) const;
  paxos::Message BendMessage(paxos::Message message);
  void BendReceived(paxos::Message& message);
  void BendReceivedAnswer(paxos::Message& message);
  bool ReadsUnasked() const;
  void BendOptions(paxos::ReplicaOptions& options) const;
  absl::StatusOr<Slot> BendCheckpoint(const std::string& dir);
  void Forge(const paxos::Message& sent, paxos::MessageBody answer);

  // Life cycle: node.cc.
  void Recover();
  void Join();
  void CheckCut();
  void Bury();
  void BuryLater();
  bool StopIfOut(const paxos::ReplicaStatus& status);
  void OnStorageError(const absl::Status& status);
  void Tick();
  int TakeDueTicks();
  absl::Duration SyncLatency();

  // The rules of ready.h: node_driver.cc.
  void Receive(paxos::Message message);

  // After every input: lets Readys come out, now or after some gathering.
  void Pump();
  void CarryOut(paxos::Ready ready);
  void Send(const paxos::Message& message);
  void Released(LogWriter::Work work);

  // Teaching and snapshots: node_snapshot.cc.
  void Teach(const paxos::LearnReply& reply);
  void Offer(const paxos::LearnReply& reply);
  void StartSnapshots();
  absl::StatusOr<Slot> Checkpoint(const std::string& dir);
  bool SendPiece(SnapshotPiece piece);
  void Ask(NodeId giver, const SnapshotRequest& request);
  void Fetch(const paxos::SnapshotFetch& fetch);
  void StartFetch(const paxos::SnapshotFetch& fetch);
  void Install();
  void ReplaceState();
  void ExchangeDirectories(Slot slot, paxos::ConfigurationHistory configurations);
  void EndFetch();
  void FinishInstall(Slot slot, paxos::ConfigurationHistory configurations);
  void GiveUpInstalling();
  // Runs `then` when the device has done all that was asked of it for that step.
  void AfterSync(SnapshotMoment moment, EventLoop::Action then);
  void Spring(SnapshotMoment moment);
  void OnApplied(const paxos::ChosenValue& value, absl::Span<const kv::Result> results);
  void Progressed(Slot applied, Slot durable);
  void CutLog();

  // Clients: node_requests.cc.
  void OnSafeRead(const paxos::SafeRead& read);
  void AnswerWrite(const paxos::CommandId& command, const kv::Result& result);
  void AnswerReads();
  void Answer(const PendingRead& read);
  void ExpireRequests();

  World& world_;
  Network& network_;
  Observer& observer_;
  Spotter& spotter_;
  const std::vector<std::unique_ptr<Node>>& nodes_;
  const NodeOptions options_;
  Random random_;
  Random disk_random_;
  Process process_;
  NodeStorage storage_;
  Random snapshot_random_;
  double disk_slowness_ = 1;
  absl::Duration disk_busy_until_;
  bool founded_ = false;
  bool retired_ = false;
  bool wiped_ = false;
  absl::Duration clock_ahead_;  // of the true time
  absl::Duration resumed_at_ = -absl::InfiniteDuration();
  NodeClock clock_{world_.loop, clock_ahead_};
  std::array<std::function<bool()>, kSnapshotMoments> traps_;
  bool state_struck_ = false;  // since it was last opened
  Slot cut_for_;  // the log was cut through here, durably, for a state that was installed
  std::unique_ptr<Life> life_;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_NODE_H_
