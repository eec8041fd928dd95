#include "tests/sim/plant.h"

namespace synod::sim {

const std::vector<PlantInfo>& Plants() {
  static const auto* const plants = new std::vector<PlantInfo>{
      {Plant::kReplyBeforeSync, "reply-before-sync",
       "Promise, Accepted and Prepare leave before their record is durable"},
      {Plant::kPersistedBeforeSync, "persisted-before-sync",
       "the core is told that its records are durable when they are not"},
      {Plant::kIgnoreSyncs, "ignore-syncs", "the disk says OK to every sync and does nothing"},
      {Plant::kIgnoreDirectorySyncs, "ignore-directory-syncs",
       "the disk syncs files but never directory entries"},
      {Plant::kDropPromiseRecords, "drop-promise-records", "promises are never written to the log"},
      {Plant::kDropLearnedRecords, "drop-learned-records",
       "values learned from peers are never written to the log"},
      {Plant::kForgetPromise, "forget-promise", "a restart forgets the promised ballot"},
      {Plant::kForgetVotes, "forget-votes", "a restart forgets the accepted values"},
      {Plant::kHideVotes, "hide-votes", "a Promise leaves out the accepted values"},
      {Plant::kForgeAccepted, "forge-accepted", "a proposer takes every vote as given"},
      {Plant::kReuseCommandIds, "reuse-command-ids",
       "each life numbers its commands from the same start"},
      {Plant::kProposeTwice, "propose-twice", "every command is proposed twice"},
      {Plant::kAcknowledgeEarly, "acknowledge-early",
       "a write is answered when it is proposed, not when it is applied"},
      {Plant::kReadWithoutQuorum, "read-without-quorum",
       "a linearizable read is answered from local state at once"},
      {Plant::kReadBeforeApplied, "read-before-applied",
       "a read does not wait until its slot is applied"},
      {Plant::kTeachFromStaleLog, "teach-from-stale-log",
       "chosen values are read from the log ahead of the records that correct it"},
      {Plant::kSkipCommand, "skip-command", "one replica loses a command of a chosen slot"},
      {Plant::kDurableEarly, "durable-early",
       "the core is told that applied slots are flushed when they are not"},
      {Plant::kCutEarly, "cut-early", "the log is cut through slots that others still need"},
      {Plant::kAcceptBelowPromise, "accept-below-promise",
       "an acceptor accepts what its promise forbids"},
      {Plant::kPromiseBelowPromise, "promise-below-promise",
       "an acceptor promises a ballot below its promise"},
      {Plant::kUnderstateVotes, "understate-votes", "a Promise names votes at lower ballots"},
      {Plant::kWatermarkTooHigh, "watermark-too-high",
       "a leader announces one slot more than is chosen"},
      {Plant::kPromiseTooHigh, "promise-too-high", "a Promise claims to know one slot more"},
      {Plant::kTeachTooFar, "teach-too-far", "accepted values are taught as chosen ones"},
      {Plant::kTeachNoOps, "teach-no-ops", "no-ops are taught in place of chosen values"},
      {Plant::kTwoValues, "two-values", "a leader proposes a no-op to one of the others"},
      {Plant::kForgeOneVote, "forge-one-vote", "a quorum is one vote short"},
      {Plant::kConfirmAnyRound, "confirm-any-round",
       "a leader takes its heartbeats for answered as it sends them"},
      {Plant::kReadSlotEarly, "read-slot-early", "a read waits for half the slots it should"},
      {Plant::kForgetForwards, "forget-forwards", "a Forward that comes twice counts twice"},
      {Plant::kSwapSlots, "swap-slots", "two chosen slots are applied in the wrong order"},
      {Plant::kLoseSlots, "lose-slots", "a chosen slot is not applied"},
      {Plant::kHideLostVotes, "hide-lost-votes", "a damaged log keeps quiet about lost votes"},
      {Plant::kUnderstateLostVotes, "understate-lost-votes",
       "a damaged log says that lost votes were at the lowest ballot"},
      {Plant::kVoteUnfounded, "vote-unfounded", "a new log votes at once"},
      {Plant::kSameInstance, "same-instance", "a node calls all its logs the same"},
      {Plant::kForgetConfigurations, "forget-configurations",
       "a restart goes back to the first configuration"},
      {Plant::kWiderWindow, "wider-window", "one node has a larger α than the others"},
      {Plant::kInstallTooFar, "install-too-far", "a snapshot is said to hold one slot more"},
      {Plant::kReplayUnknownWrites, "replay-unknown-writes",
       "a balancer sends a write again when its outcome is unknown"},
      {Plant::kDenyLostWrites, "deny-lost-writes",
       "a balancer says of a lost write that it was not executed"},
      {Plant::kLatestViewWins, "latest-view-wins",
       "a balancer believes who spoke last, not the highest ballot"},
      {Plant::kKeepDeadBackends, "keep-dead-backends",
       "a balancer never notices that a node is gone"},
      {Plant::kIgnoreMinRevision, "ignore-min-revision",
       "a node answers reads below their minimum revision"},
  };
  return *plants;
}

std::optional<Plant> FindPlant(absl::string_view name) {
  for (const PlantInfo& info : Plants()) {
    if (info.name == name) return info.plant;
  }
  return std::nullopt;
}

}  // namespace synod::sim
