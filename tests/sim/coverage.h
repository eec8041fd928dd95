// Situations that a sweep must reach: a sweep in which nobody was ever cut off while it led says
// nothing about that. Runs count them, sweeps add them up and can fail for those that never came.
#ifndef SYNOD_TESTS_SIM_COVERAGE_H_
#define SYNOD_TESTS_SIM_COVERAGE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace synod::sim {

enum class Situation {
  // Elections.
  kTwoLeadersAlive,        // two processes that both think they lead
  kMinorityLeaderStopped,  // a leader without a quorum steps down
  kStalledLeaderStopped,   // a leader whose log hangs steps down
  kLeaderPaused,           // a leader's process is frozen
  kDuel,                   // two nodes prepare at the same time
  kPrepareRefused,         // a candidate learns of a higher ballot
  kLeaderCrashed,
  // Phase 2 and learning.
  kValueReproposed,  // a new leader proposes what a promise reported
  kGapFilled,        // a no-op between slots that promises reported
  kVoteReplaced,     // an acceptor accepts at a higher ballot in a slot it voted in before
  kTaughtByPeer,     // chosen values are fetched from a peer
  kAcceptRepeated,   // an Accept is sent again
  kForwardedTwice,   // a Forward arrives twice
  // Crashes and disks.
  kWriteTorn,   // a crash leaves half a sector's write
  kSectorLost,  // a crash loses a write that no sync covered
  kDirectoryEntryLost,
  kWriteFailed,  // and the process stops
  kSyncFailed,
  kDiskFull,
  kCrashInRecovery,  // a process dies before it has joined
  kAllDown,          // no process runs
  kLogCut,           // segments of the log are freed
  // Members, snapshots, repair.
  kLearnerAdded,
  kLearnerPromoted,
  kMemberRemoved,
  kLeaderRemovalAsked,  // a leader that the newest configuration leaves out
  kChangeVoid,          // a change of configuration that came too late
  kHandedOver,          // a leader asked another to lead
  kSnapshotInstalled,
  kSnapshotOfConfigurations,  // one that brings a configuration its receiver had not seen
  kSnapshotStreamBroken,
  kDownloadResumed,         // by the next stream, with the whole files of the one before
  kDownloadResumedLater,    // ... by a later fetch, perhaps of a later life
  kSnapshotGone,            // its giver has forgotten it
  kDamagedFileRefused,      // a file of a download does not match its checksum
  kDamagedSnapshotRefused,  // a complete download cannot be opened any more
  kSnapshotOvertaken,       // the state caught up while its successor was fetched
  kCrashBeforeCut,          // ... of the log, with a complete download: the next start goes on
  kCrashBeforeSwap,         // ... of the states, with the log cut: likewise
  kFetchFailed,
  kStateDamaged,         // an engine's files are damaged; it begins anew
  kStateControlDamaged,  // nobody knows which state counts; the operator removes both
  kLostVoteReported,     // a log opens and names votes it has lost
  kLostSlotsReported,    // ... and does not even know in which slots
  kRepaired,             // and may forget that
  kRepairInElection,     // a promise names lost votes
  kWipedNodeStopped,
  kEngineLost,
  // Clients.
  kAmbiguousWriteDone,  // a write without an answer is in the log
  kReadByFollower,      // a linearizable read answered by a node that does not lead
  kStaleReadServed,     // a serializable read shows an old revision
  kCompactedReadRefused,
  kOverloaded,  // a bounded queue refuses
  // Balancers.
  kBalancersDisagree,     // two know different leaders
  kStaleLeaderRouted,     // a write goes to a leader that is none any more
  kStaleLeaderForwarded,  // and is done by way of the new one
  kRefusedCallReplayed,   // nobody took the call, so that another node may
  kLostReadReplayed,      // a read is repeated when its connection broke
  kLostWriteNotReplayed,  // and a write is not
  kBackendEjected,
  kBalancerRefused,  // no node to send a call to
  kBalancerCrashedWithCalls,
  kReadWaited,  // a serializable read whose node is behind what its client has seen
};
inline constexpr size_t kSituations = static_cast<size_t>(Situation::kReadWaited) + 1;

absl::string_view NameOf(Situation situation);

class Coverage {
 public:
  void Saw(Situation situation) { ++counts_[static_cast<size_t>(situation)]; }
  void Add(const Coverage& other);

  uint64_t Count(Situation situation) const { return counts_[static_cast<size_t>(situation)]; }
  // A line per situation: how often, and its name.
  std::string Table() const;
  // Names of those that never came, separated by commas.
  std::string Missing() const;

 private:
  std::array<uint64_t, kSituations> counts_{};
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_COVERAGE_H_
