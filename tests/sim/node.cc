#include "tests/sim/node.h"

#include <algorithm>
#include <utility>

#include "tests/sim/say.h"

namespace synod::sim {

Node::Node(World& world, const Surroundings& around, NodeOptions options, Random random)
    : world_(world),
      network_(around.network),
      observer_(around.observer),
      spotter_(around.spotter),
      nodes_(around.nodes),
      options_(std::move(options)),
      random_(random.Fork()),
      disk_random_(random.Fork()),
      process_(world.loop),
      storage_({options_.replica.self, options_.voters, options_.segment_bytes}, random.Fork(),
               world.coverage),
      snapshot_random_(random.Fork()) {
  network_.Attach(id(), [this](paxos::Message message) {
    if (process_.responsive()) return Receive(std::move(message));
    process_.After(absl::ZeroDuration(),
                   [this, message = std::move(message)]() mutable { Receive(std::move(message)); });
  });
  if (Planted(Plant::kIgnoreSyncs)) storage_.disk().IgnoreFileSyncs();
  if (Planted(Plant::kIgnoreDirectorySyncs)) storage_.disk().IgnoreDirectorySyncs();
}

Node::~Node() = default;

void Node::Start() {
  if (life_) Bury();
  process_.Start();
  spotter_.OnStarted(id());
  world_.Note(id(), "start", {{"life", process_.life()}});
  Recover();
}

void Node::Recover() {
  auto opened = storage_.Open();
  if (!opened.ok()) {
    OnStorageError(opened.status());
    return;
  }
  life_ = std::make_unique<Life>();
  Life& life = *life_;
  life.storage = *std::move(opened);
  process_.After(SyncLatency(), [this] { Join(); });
}

void Node::Join() {
  // Opening the log wrote and synced too; until now a crash could have taken that back.
  storage_.disk().Settle();
  Life& life = *life_;
  paxos::RecoveredState recovered = std::move(life.storage.recovered);
  if (std::exchange(state_struck_, false) || life.storage.state_lost) {
    observer_.OnDurableState(id(), recovered.applied);
  }
  observer_.OnRecovered(id(), recovered);
  CheckCut();
  BendRecovered(recovered);
  if (!recovered.unknown.empty()) world_.coverage.Saw(Situation::kLostVoteReported);
  if (recovered.lost_through) world_.coverage.Saw(Situation::kLostSlotsReported);
  life.applied = recovered.applied;
  life.next_sequence = Planted(Plant::kReuseCommandIds) ? 1 : random_.Next();
  life.log_writer = std::make_unique<LogWriter>(
      process_, *life.storage.log,
      LogWriter::Hooks{[this] { return SyncLatency(); }, [this] { storage_.disk().Settle(); },
                       [this](LogWriter::Work work) { Released(std::move(work)); },
                       [this](absl::Status status) { OnStorageError(status); }});
  life.applier = std::make_unique<Applier>(
      world_, process_,
      Applier::State{life.storage.engine.get(), life.storage.machine.get(),
                     recovered.configurations},
      options_.applier, random_.Fork(),
      Applier::Hooks{[this](const paxos::ChosenValue& value, absl::Span<const kv::Result> results) {
                       OnApplied(value, results);
                     },
                     [this](Slot applied, Slot durable) { Progressed(applied, durable); }});
  StartSnapshots();
  paxos::ReplicaOptions options = options_.replica;
  options.seed = random_.Next();
  BendOptions(options);
  life.replica = std::make_unique<paxos::Replica>(std::move(options), std::move(recovered));
  spotter_.OnJoined(id());
  world_.Note(id(), "join", {{"applied", life.applied.value()}});
  life.ticked_at = world_.loop.now() + clock_ahead_;
  process_.After(options_.tick, [this] { Tick(); });
  Pump();
}

void Node::Kill() {
  world_.Note(id(), "kill", {});
  spotter_.OnDied(id());
  process_.Kill();
  Bury();
}

void Node::Retire() {
  retired_ = true;
  if (!process_.alive()) return;
  world_.Note(id(), "retire", {});
  spotter_.OnDied(id());
  process_.Kill();
  BuryLater();
}

void Node::Wipe() {
  if (process_.alive()) Kill();
  if (life_) Bury();
  world_.Note(id(), "wipe", {});
  storage_.Wipe();
  observer_.OnWiped(id());
  cut_for_ = Slot();
  wiped_ = true;
}

void Node::LoseEngine() {
  if (process_.alive()) Kill();
  if (life_) Bury();
  world_.Note(id(), "lose-engine", {});
  world_.coverage.Saw(Situation::kEngineLost);
  observer_.OnDurableState(id(), Slot());
  storage_.LoseState();
}

std::string Node::Strike(Damage damage, Random random) {
  return storage_.disk().Strike(damage, kLogDir, random);
}

// A process that is killed tidies nothing up.
void Node::Bury() {
  storage_.disk().KillProcess();
  life_.reset();
}

// A replica that cannot write must stop, not try again (acceptor_log.h). A sound disk has no
// errors.
void Node::OnStorageError(const absl::Status& status) {
  if (!storage_.disk().troubled()) {
    world_.verdict.Fail(Say("node ", id(), " stops: ", status.ToString()));
  }
  world_.Note(id(), "stop", {});
  spotter_.OnDied(id());
  process_.Kill();
  BuryLater();
}

// Whoever found the reason to stop is still running.
void Node::BuryLater() {
  world_.loop.After(absl::ZeroDuration(), [this, life = process_.life()] {
    if (!process_.alive() && process_.life() == life) Bury();
  });
}

void Node::LosePower() {
  world_.Note(id(), "lose-power", {});
  spotter_.OnDied(id());
  process_.Kill();
  storage_.disk().LosePower();
  life_.reset();
}

void Node::Pause() {
  world_.Note(id(), "pause", {});
  spotter_.OnPaused(id());
  process_.Pause();
}

void Node::Resume() {
  world_.Note(id(), "resume", {});
  if (process_.paused()) resumed_at_ = world_.loop.now();
  process_.Resume();
}

void Node::Tick() {
  process_.After(options_.tick, [this] { Tick(); });
  ExpireRequests();
  life_->giver->RemoveIdle();
  if (random_.Chance(options_.cut_chance)) CutLog();
  if (!process_.alive()) return;  // the disk refused
  for (int due = TakeDueTicks(); due > 0; --due) life_->replica->Tick();
  Pump();
}

// As node::Ticks::TakeDue: after a pause or a leap of the clock at most half an election timeout.
int Node::TakeDueTicks() {
  const absl::Duration now = world_.loop.now() + clock_ahead_;
  const auto due = (now - life_->ticked_at) / options_.tick;
  life_->ticked_at += due * options_.tick;
  return static_cast<int>(std::min<int64_t>(due, options_.replica.election_ticks / 2));
}

absl::Duration Node::SyncLatency() {
  const absl::Duration latency = DrawDuration(disk_random_, options_.sync_latency * disk_slowness_);
  disk_busy_until_ = std::max(disk_busy_until_, world_.loop.now() + latency);
  return latency;
}

std::optional<paxos::ReplicaStatus> Node::Status() const {
  if (!Joined()) return std::nullopt;
  return life_->replica->status();
}

absl::Duration Node::quorum_contact_age() const {
  return life_->replica->status().ticks_since_quorum_contact * options_.tick;
}

absl::StatusOr<uint32_t> Node::StateHash() const {
  return life_->storage.machine->Hash();
}

}  // namespace synod::sim
