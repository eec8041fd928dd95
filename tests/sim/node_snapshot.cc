// The part of Node that helps others to catch up, and fetches and installs snapshots: what
// node::Node and node::SnapshotFetch do on their threads.
#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/match.h"
#include "tests/sim/node.h"
#include "tests/sim/say.h"

namespace synod::sim {
namespace {

constexpr size_t kLearnedBytes = 64 << 10;

std::string SnapshotsDir() {
  return Say(kDataDir, "/snapshots");
}

}  // namespace

void Node::Teach(const paxos::LearnReply& reply) {
  if (!reply.first_slot) return Offer(reply);
  auto values =
      life_->storage.log->ReadValues(kGroup, reply.first_slot, reply.last_slot, kLearnedBytes);
  if (absl::IsOutOfRange(values.status())) return Offer(reply);
  // Known here from the engine alone, or damaged: another peer will be asked.
  if (!values.ok() || values->empty()) return;
  paxos::Learned learned;
  learned.chosen_through = life_->replica->status().chosen_through;
  for (paxos::AcceptedValue& value : *values) {
    learned.values.push_back({value.slot, std::move(value.value)});
  }
  Send({kGroup, id(), reply.to, std::move(learned)});
}

void Node::Offer(const paxos::LearnReply& reply) {
  if (!life_->applied) return;  // another peer will be asked
  Send({kGroup, id(), reply.to, paxos::SnapshotOffer{life_->applied}});
}

void Node::StartSnapshots() {
  SnapshotGiver::Options giving;
  giving.store = {SnapshotsDir(), kCluster, options_.snapshot.chunk_bytes, options_.snapshot.keep,
                  options_.snapshot.keep};
  giving.pace = options_.snapshot.pace;
  life_->giver = std::make_unique<SnapshotGiver>(
      process_, &clock_, &storage_.disk(),
      [this](const std::string& dir) { return Checkpoint(dir); }, std::move(giving),
      snapshot_random_.Fork(), [this](SnapshotPiece piece) { return SendPiece(std::move(piece)); });
  life_->taker = std::make_unique<SnapshotTaker>(
      world_, process_, &storage_.disk(), life_->storage.directories.get(),
      SnapshotTaker::Options{id(), kCluster, options_.snapshot.patience},
      [this](NodeId giver, const SnapshotRequest& request) { Ask(giver, request); });
}

absl::StatusOr<Slot> Node::Checkpoint(const std::string& dir) {
  if (Planted(Plant::kMixedSnapshot) || Planted(Plant::kLossySnapshot)) return BendCheckpoint(dir);
  return storage_.Checkpoint(life_->storage, dir);
}

void Node::Ask(NodeId giver, const SnapshotRequest& request) {
  Node& other = *nodes_[giver.value() - 1];
  network_.Carry(id(), giver, [&other, request] {
    other.process_.After(absl::ZeroDuration(), [&other, request] {
      if (other.Joined()) other.life_->giver->Serve(request);
    });
  });
}

bool Node::SendPiece(SnapshotPiece piece) {
  Node& taker = *nodes_[piece.stream.taker.value() - 1];
  if (std::holds_alternative<SnapshotChunk>(piece.body)) Spring(SnapshotMoment::kGiven);
  return network_.Carry(id(), taker.id(), [&taker, piece = std::move(piece)]() mutable {
    taker.process_.After(absl::ZeroDuration(), [&taker, piece = std::move(piece)] {
      if (taker.Joined()) taker.life_->taker->Take(piece);
    });
  });
}

void Node::AfterSync(SnapshotMoment moment, EventLoop::Action then) {
  if (Planted(Plant::kInstallEarly)) return then();
  const absl::Duration latency =
      DrawDuration(snapshot_random_, options_.sync_latency * disk_slowness_);
  process_.After(latency / 2, [this, moment] { Spring(moment); });
  process_.After(latency, [this, then = std::move(then)]() mutable {
    storage_.disk().Settle();
    then();
  });
}

void Node::Spring(SnapshotMoment moment) {
  std::function<bool()>& trap = traps_[static_cast<size_t>(moment)];
  if (!trap) return;
  const std::function<bool()> spring = std::exchange(trap, nullptr);
  if (!spring()) trap = spring;
}

std::string Node::StrikeState(Damage damage, Random random) {
  std::string place = storage_.disk().StrikeBelow(damage, kDataDir, random);
  state_struck_ =
      state_struck_ || (!place.empty() && !absl::StartsWith(place, SnapshotsDir() + "/"));
  return place;
}

std::string Node::StrikeSnapshot(SnapshotMoment moment, Damage damage, Random random) {
  const storage::StateDirectories& directories = *life_->storage.directories;
  std::string dir = directories.incoming_dir();
  if (moment == SnapshotMoment::kGiven) dir = SnapshotsDir();
  if (moment == SnapshotMoment::kExchanged) dir = directories.current();
  return storage_.disk().StrikeBelow(damage, dir, random);
}

void Node::Fetch(const paxos::SnapshotFetch& fetch) {
  life_->fetching = true;
  process_.After(absl::ZeroDuration(), [this, fetch] { StartFetch(fetch); });
}

void Node::StartFetch(const paxos::SnapshotFetch& fetch) {
  // A snapshot from before this node was a member would tell it that it is none: a process that
  // joins asks first (services/node/joining.h).
  const std::optional<Slot> since = observer_.MemberSince(id());
  if (!since) return EndFetch();
  Slot at_least = std::max(fetch.at_least, *since);
  if (Planted(Plant::kInstallOlder)) at_least = std::max(Slot(1), *since);
  life_->taker->Fetch(fetch.from, at_least, [this](const absl::Status& status) {
    if (!status.ok()) {
      world_.coverage.Saw(Situation::kFetchFailed);
      return EndFetch();
    }
    AfterSync(SnapshotMoment::kDownloaded, [this] { Install(); });
  });
}

// The snapshot is opened before the log is cut for it, and nothing is applied from then on until it
// has taken the state's place: ApplyThread::Install.
void Node::Install() {
  Life& life = *life_;
  const Slot slot = life.storage.directories->incoming()->descriptor.slot;
  world_.Note(id(), "fetched", {{"slot", slot.value()}});
  if (slot <= life.applied && !Planted(Plant::kInstallOlder)) {
    // Learned in the meantime: a state never goes back.
    world_.coverage.Saw(Situation::kSnapshotOvertaken);
    return GiveUpInstalling();
  }
  if (const absl::Status status = storage_.OpenIncoming(life.storage); !status.ok()) {
    world_.coverage.Saw(Situation::kDamagedSnapshotRefused);
    return GiveUpInstalling();
  }
  life.applier->Hold();
  if (Planted(Plant::kCutAfterSwap)) return ReplaceState();
  if (const absl::Status status = storage_.CutLog(life.storage); !status.ok()) {
    return OnStorageError(status);
  }
  AfterSync(SnapshotMoment::kCut, [this] { ReplaceState(); });
}

void Node::ReplaceState() {
  Life& life = *life_;
  storage_.TakeIncoming(life.storage);
  const Slot slot = life.storage.machine->applied();
  auto configurations = storage_.Configurations(life.storage);
  if (!configurations.ok()) return OnStorageError(configurations.status());
  world_.Note(id(), "install", {{"slot", slot.value()}});
  life.applied = slot;
  life.applier->Replace({life.storage.engine.get(), life.storage.machine.get(), *configurations});
  observer_.OnInstalled(id(), slot);
  Progressed(slot, slot);
  process_.After(DrawDuration(snapshot_random_, options_.snapshot.reads_linger),
                 [this, slot, configurations = *std::move(configurations)]() mutable {
                   ExchangeDirectories(slot, std::move(configurations));
                 });
}

void Node::ExchangeDirectories(Slot slot, paxos::ConfigurationHistory configurations) {
  const absl::Status status = storage_.ExchangeDirectories(life_->storage);
  if (!status.ok()) return OnStorageError(status);
  AfterSync(SnapshotMoment::kExchanged, [this, slot,
                                         configurations = std::move(configurations)]() mutable {
    cut_for_ = slot;
    if (Planted(Plant::kCutAfterSwap)) {
      AfterSync(SnapshotMoment::kExchanged, [this, slot] {
        life_->storage.log->CutThrough(kGroup, slot, storage::CutKind::kDurable).IgnoreError();
      });
    }
    FinishInstall(slot, std::move(configurations));
  });
}

void Node::FinishInstall(Slot slot, paxos::ConfigurationHistory configurations) {
  world_.coverage.Saw(Situation::kSnapshotInstalled);
  life_->fetching = false;
  observer_.OnJump(id(), slot);
  const Slot known = life_->replica->status().configuration_slot;
  life_->replica->Installed(Planted(Plant::kInstallTooFar) ? slot.next() : slot,
                            std::move(configurations));
  if (life_->replica->status().configuration_slot != known) {
    world_.coverage.Saw(Situation::kSnapshotOfConfigurations);
  }
  Pump();
}

void Node::GiveUpInstalling() {
  life_->storage.directories->Discard().IgnoreError();
  AfterSync(SnapshotMoment::kExchanged, [this] { EndFetch(); });
}

// In vain.
void Node::EndFetch() {
  life_->fetching = false;
  life_->replica->FetchFailed();
  Pump();
}

// Beside a state that came with a snapshot there must be a log that is cut through its slot.
void Node::CheckCut() {
  const Slot cut = life_->storage.log->State(kGroup).cut_through;
  if (life_->storage.machine->applied() >= cut_for_ && cut < cut_for_) {
    world_.verdict.Fail(Say("S1: node ", id(), " has a snapshot of slot ", cut_for_,
                            " and a log that is cut through ", cut));
  }
}

}  // namespace synod::sim
