// Bugs planted on purpose, to prove that the checks can fail. Each bends one rule that a driver of
// the core must keep (ready.h, acceptor_log.h), or makes its core look broken to the others by what
// goes in and out of it; the production code is untouched.
#ifndef SYNOD_TESTS_SIM_PLANT_H_
#define SYNOD_TESTS_SIM_PLANT_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace synod::sim {

enum class Plant {
  kNone,
  kReplyBeforeSync,
  kPersistedBeforeSync,
  kIgnoreSyncs,
  kIgnoreDirectorySyncs,
  kDropPromiseRecords,
  kDropLearnedRecords,
  kForgetPromise,
  kForgetVotes,
  kHideVotes,
  kForgeAccepted,
  kReuseCommandIds,
  kProposeTwice,
  kAcknowledgeEarly,
  kReadWithoutQuorum,
  kReadBeforeApplied,
  kTeachFromStaleLog,
  kSkipCommand,
  kCutEarly,
  kDurableEarly,
  kAcceptBelowPromise,
  kPromiseBelowPromise,
  kUnderstateVotes,
  kWatermarkTooHigh,
  kPromiseTooHigh,
  kTeachTooFar,
  kTeachNoOps,
  kTwoValues,
  kForgeOneVote,
  kConfirmAnyRound,
  kReadSlotEarly,
  kForgetForwards,
  kSwapSlots,
  kLoseSlots,
  kHideLostVotes,
  kUnderstateLostVotes,
  kVoteUnfounded,
  kSameInstance,
  kForgetConfigurations,
  kWiderWindow,
  kInstallTooFar,
  kReplayUnknownWrites,
  kDenyLostWrites,
  kLatestViewWins,
  kKeepDeadBackends,
  kIgnoreMinRevision,
  // What a core would do that is broken inside.
  kReuseBallot,
  kDropAcceptedRecords,
  kIgnoreReportedVotes,
  kLowestVoteWins,
  kLearnerVotesCount,
  kAcceptedIsChosen,
  kReadAfterPause,
  // Snapshots.
  kInstallOlder,
  kInstallEarly,
  kCutAfterSwap,
  kMixedSnapshot,
  kLossySnapshot,
  kReadBelowFloor,
};

struct PlantInfo {
  Plant plant;
  absl::string_view name;  // for --plant
  absl::string_view what;
};

// All but kNone.
const std::vector<PlantInfo>& Plants();

std::optional<Plant> FindPlant(absl::string_view name);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_PLANT_H_
