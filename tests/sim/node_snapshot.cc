// The part of Node that helps others to catch up, and fetches and installs snapshots. The bytes of
// a snapshot go from disk to disk here; services/storage has the files and tests/e2e the streams.
#include <utility>

#include "tests/sim/node.h"

namespace synod::sim {
namespace {

constexpr size_t kLearnedBytes = 64 << 10;

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
  const auto snapshot = storage_.Checkpoint(life_->storage);
  if (!snapshot.ok() || !snapshot->slot || snapshot->slot < reply.first_slot) return;
  Send({kGroup, id(), reply.to, paxos::SnapshotOffer{snapshot->slot}});
}

void Node::Fetch(const paxos::SnapshotFetch& fetch) {
  process_.After(DrawDuration(random_, options_.fetch_latency), [this, fetch] {
    Node& source = *nodes_[fetch.from.value() - 1];
    const bool reachable = source.Joined() && !source.paused() &&
                           network_.Connected(id(), fetch.from) &&
                           network_.Connected(fetch.from, id());
    auto snapshot = reachable ? source.storage_.Checkpoint(source.life_->storage)
                              : absl::UnavailableError("no answer");
    if (!snapshot.ok() || snapshot->slot < fetch.at_least || snapshot->slot <= life_->applied) {
      world_.coverage.Saw(Situation::kFetchFailed);
      life_->replica->FetchFailed();
      Pump();
      return;
    }
    world_.Note(id(), "fetched", {{"slot", snapshot->slot.value()}});
    storage_.Keep(*std::move(snapshot));
    Install();
  });
}

void Node::Install() {
  if (storage_.fetched()->slot <= life_->applied) {
    // Learned in the meantime: a state never goes back.
    storage_.Discard();
    life_->replica->FetchFailed();
    Pump();
    return;
  }
  if (const absl::Status status = storage_.CutLog(life_->storage); !status.ok()) {
    OnStorageError(status);
    return;
  }
  process_.After(SyncLatency(), [this] {
    storage_.disk().Settle();
    FinishInstall();
  });
}

void Node::FinishInstall() {
  Life& life = *life_;
  const Slot slot = storage_.fetched()->slot;
  if (slot <= life.applied) return Install();
  if (const absl::Status status = storage_.SwapEngine(life.storage); !status.ok()) {
    OnStorageError(status);
    return;
  }
  auto configurations = storage_.Configurations(life.storage);
  if (!configurations.ok()) return OnStorageError(configurations.status());
  life.applied = slot;
  life.applier->Replace({life.storage.engine.get(), life.storage.machine.get(), *configurations});
  observer_.OnInstalled(id(), slot);
  observer_.OnDurableState(id(), slot);
  world_.Note(id(), "install", {{"slot", slot.value()}});
  world_.coverage.Saw(Situation::kSnapshotInstalled);
  const Slot known = life.replica->status().configuration_slot;
  life.replica->Installed(Planted(Plant::kInstallTooFar) ? slot.next() : slot,
                          *std::move(configurations));
  if (life.replica->status().configuration_slot != known) {
    world_.coverage.Saw(Situation::kSnapshotOfConfigurations);
  }
  AnswerReads();
  Pump();
}

}  // namespace synod::sim
