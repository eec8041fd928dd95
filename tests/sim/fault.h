// What can go wrong in a run, and a run's whole list of it as data: drawn from a seed, written to a
// file, read back, shortened.
//
// Each planned fault carries everything it needs, so that leaving one out changes nothing about the
// others.
#ifndef SYNOD_TESTS_SIM_FAULT_H_
#define SYNOD_TESTS_SIM_FAULT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/ids.h"
#include "common/random.h"

namespace synod::sim {

enum class Fault {
  // Processes and clocks.
  kKill,       // kill -9
  kPowerLoss,  // un-synced bytes are lost
  kBlackout,   // power loss on all nodes at once
  kPause,      // SIGSTOP, a frozen virtual machine
  kClockJump,  // the node's clock leaps ahead
  // Disks.
  kSlowDisk,    // syncs take 10 to 640 times as long
  kDiskErrors,  // writes or syncs fail
  kDiskFull,    // no file can be made or grow
  kDamage,      // some place of the log, in one of Damage's ways; the process may be killed too
  kWipe,        // the whole disk
  kLoseEngine,  // the state, not the log
  // What the operator does.
  kAddMember,
  kPromote,
  kRemoveMember,
  kHandOver,
  // Links. `node` is one end, `other` the other.
  kPartition,   // two halves that do not hear each other
  kOneWayCut,   // one direction of one link
  kPartialCut,  // one link, both directions
  kIsolate,     // one node, all links
  kBridge,      // two halves that share one node
  kChain,       // each node hears its neighbours only
  kClog,        // one direction of one link holds everything back
  kSwizzle,     // nodes clog one by one and are let go in another order
  kStorm,       // one link loses, doubles and delays much
  // Balancers; `draw` says which.
  kBalancerCrash,  // another one takes its place, knowing nothing
  kBalancerStall,  // nothing passes between it and one node
  kStaleViews,     // what one node tells it of the cluster is held up
  // Disks again.
  kDamageState,     // some place of the state's files or of a snapshot's
  kCrashInstall,    // the node's next installation of a snapshot is crashed, in one of its steps
  kDamageSnapshot,  // the next one that it gives, has fetched or installed is damaged
};
inline constexpr int kFaults = static_cast<int>(Fault::kDamageSnapshot) + 1;
inline constexpr int kClusterFaults = static_cast<int>(Fault::kBalancerCrash);  // those before it
inline constexpr int kStateFaults = static_cast<int>(Fault::kDamageState);      // it and later ones

absl::string_view NameOf(Fault fault);

struct PlannedFault {
  absl::Duration at;  // since the start of the run
  Fault fault = Fault::kKill;
  absl::Duration lasts;
  NodeId node;
  NodeId other;       // another node
  uint64_t draw = 0;  // seeds whatever else the fault has to choose
};

using Schedule = std::vector<PlannedFault>;  // ascending in time

struct ScheduleOptions {
  uint64_t allowed = 0;  // bit per Fault
  int nodes = 3;
  uint64_t frail = 0;                          // bit per node: whose disks may lose what they hold
  absl::Duration interval = absl::Seconds(1);  // mean between faults
  absl::Duration duration = absl::Seconds(2);  // mean of each
  absl::Duration length = absl::Seconds(20);   // of the schedule

  bool Allows(Fault fault) const { return (allowed >> static_cast<int>(fault) & 1) != 0; }
};

Schedule DrawSchedule(const ScheduleOptions& options, Random random);

// One line per fault; what follows a '#' is a comment.
std::string FormatSchedule(const Schedule& schedule);
absl::StatusOr<Schedule> ParseSchedule(absl::string_view text);

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_FAULT_H_
