#include "tests/scenarios/node.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "services/node/recovery.h"
#include "tests/scenarios/words.h"

namespace synod::scenarios {
namespace {

constexpr uint64_t kSegmentBytes = 64 << 10;

}  // namespace

Node::Node(Options options, Surroundings around) : options_(std::move(options)), around_(around) {
  durable_.configurations = options_.first;
}

Node::~Node() = default;

void Node::Start() {
  if (!OpenLog()) return;
  if (options_.founded && disks_ == 1 && lives_ == 0) Found();
  state_ = durable_;
  auto values = log_->ReadAbove(kGroup, state_.slot);
  SYNOD_CHECK(values.ok()) << values.status();
  paxos::RecoveredState recovered =
      node::Recover(log_->State(kGroup), log_->instance(), state_.slot, state_.configurations,
                    *std::move(values));
  recovered.contacts = options_.contacts;
  if (lives_ > 0) SayRecovered(recovered);

  paxos::ReplicaOptions options;
  options.group = kGroup;
  options.self = id();
  options.window = options_.window;
  options.seed = 1000 * ++lives_ + id().value();
  replica_ = std::make_unique<paxos::Replica>(options, std::move(recovered));
  said_ = status();
  Drive();
}

bool Node::OpenLog() {
  storage::AcceptorLogOptions options;
  options.dir = kLogDir;
  options.cluster = kCluster;
  options.node = id();
  options.segment_bytes = kSegmentBytes;
  options.spare_segments = 0;
  // Tells the first log of n2, 102, from its second, 202.
  options.new_instance = 100 * disks_ + id().value();
  auto log = storage::AcceptorLog::Open(disk_.get(), options);
  if (!log.ok()) {
    Say(Level::kChange, absl::StrCat("refuses to start: ", log.status().message()));
    return false;
  }
  log_ = *std::move(log);
  return true;
}

void Node::Found() {
  SYNOD_CHECK(log_->Append({{paxos::Record{kGroup, paxos::FoundedRecord{}}}}).ok());
  SYNOD_CHECK(log_->Sync().ok());
}

void Node::SayRecovered(const paxos::RecoveredState& recovered) {
  Slot chosen = recovered.applied;
  for (const paxos::ChosenValue& value : recovered.chosen) {
    if (value.slot == chosen.next()) ++chosen;
  }
  std::string words = absl::StrCat("recovers: promised ", BallotWord(recovered.promised),
                                   ", chosen through ", chosen.value());
  if (recovered.vote_floor > recovered.applied) {
    absl::StrAppend(&words, "; the log is cut through slot ", recovered.vote_floor.value());
  }
  for (const paxos::AcceptedValue& value : recovered.accepted) {
    absl::StrAppend(&words, "; accepted slot ", value.slot.value(), " at ",
                    BallotWord(value.ballot), ": ", ValueWords(value.value));
  }
  for (const paxos::UnknownVote& vote : recovered.unknown) {
    absl::StrAppend(&words, "; ", UnknownWords(vote));
  }
  if (recovered.lost_through) {
    absl::StrAppend(&words, "; votes lost in any slot at most at ",
                    BallotWord(recovered.lost_through));
  }
  Say(Level::kChange, words + (recovered.founded ? "" : "; must not vote"));
}

void Node::Crash() {
  replica_.reset();
  log_.reset();
  work_.clear();
  reads_.clear();
  held_ = paused_ = false;
  disk_->KillProcess();
}

void Node::Wipe() {
  disk_ = std::make_unique<storage::FaultEnv>();
  ++disks_;
  LoseState();
}

void Node::LoseState() {
  durable_ = {Slot(), options_.first, {}};
}

void Node::HoldLog(bool held) {
  held_ = held;
  if (!down()) Drive();
}

void Node::Tick() {
  replica_->Tick();
  Drive();
}

void Node::Step(paxos::Message message) {
  replica_->Step(std::move(message));
  Drive();
}

void Node::Propose(paxos::Command command) {
  command.id = {id(), ++sequence_};
  const paxos::Admission admission = replica_->Propose(std::move(command));
  if (admission != paxos::Admission::kAdmitted) {
    Say(Level::kAnswer,
        admission == paxos::Admission::kNoLeader ? "knows no leader" : "has too much waiting");
  }
  Drive();
}

void Node::Propose(const std::string& payload) {
  Propose(paxos::Command{{}, payload});
}

void Node::Read(uint64_t read_id) {
  if (replica_->Read(read_id) != paxos::Admission::kAdmitted) {
    Say(Level::kAnswer, "knows no leader");
  }
  Drive();
}

void Node::HandOver(NodeId to) {
  if (!replica_->HandOver(to)) {
    Say(Level::kAnswer, absl::StrCat("cannot hand over to ", NodeName(to)));
  }
  Drive();
}

void Node::CutLog() {
  durable_ = state_;
  SYNOD_CHECK(log_->CutThrough(kGroup, durable_.slot, storage::CutKind::kDurable).ok());
  replica_->Applied(state_.slot, durable_.slot);
  Drive();
}

std::string Node::StateWords() const {
  return state_.values.empty() ? "nothing" : absl::StrJoin(state_.values, ", ");
}

}  // namespace synod::scenarios
