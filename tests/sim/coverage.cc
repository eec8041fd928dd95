#include "tests/sim/coverage.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace synod::sim {
namespace {

// In the order of Situation.
constexpr std::array<const char*, kSituations> kNames = {
    "two leaders alive",
    "minority leader stepped down",
    "stalled leader stepped down",
    "leader paused",
    "two candidates at once",
    "Prepare refused",
    "leader crashed",
    "value proposed again by a new leader",
    "gap filled with a no-op",
    "vote replaced by one of a higher ballot",
    "chosen values taught by a peer",
    "Accept repeated",
    "Forward arrived twice",
    "write torn by a crash",
    "un-synced sector lost by a crash",
    "directory entry lost by a crash",
    "write failed",
    "sync failed",
    "disk full",
    "crash during recovery",
    "all processes down",
    "log segments freed",
    "learner added",
    "learner promoted",
    "member removed",
    "removal of the leader asked for",
    "change of configuration void",
    "leadership handed over",
    "snapshot installed",
    "snapshot brings a configuration",
    "stream of a snapshot broken",
    "download resumed by the next stream",
    "download resumed by a later fetch",
    "snapshot forgotten by its giver",
    "damaged file of a download refused",
    "damaged snapshot refused",
    "snapshot overtaken by the log",
    "crash between download and cut",
    "crash between cut and swap",
    "fetch of a snapshot failed",
    "state damaged",
    "state's control file damaged",
    "lost votes reported",
    "votes lost in unknown slots",
    "log repaired",
    "lost votes named in a promise",
    "node with a wiped disk stopped",
    "state engine lost",
    "unanswered write done",
    "linearizable read by a follower",
    "stale serializable read",
    "read of a compacted revision refused",
    "full queue refused",
    "balancers disagree about the leader",
    "write routed to a former leader",
    "former leader's write done",
    "call that nobody took replayed",
    "lost read replayed",
    "lost write not replayed",
    "backend ejected",
    "balancer has no backend",
    "balancer crashed with calls",
    "serializable read waited for its minimum",
};

}  // namespace

absl::string_view NameOf(Situation situation) {
  return kNames[static_cast<size_t>(situation)];
}

void Coverage::Add(const Coverage& other) {
  for (size_t i = 0; i < kSituations; ++i) counts_[i] += other.counts_[i];
}

std::string Coverage::Table() const {
  std::string table;
  for (size_t i = 0; i < kSituations; ++i) {
    absl::StrAppendFormat(&table, "%10d  %s\n", counts_[i], kNames[i]);
  }
  return table;
}

std::string Coverage::Missing() const {
  std::string missing;
  for (size_t i = 0; i < kSituations; ++i) {
    if (counts_[i] == 0) absl::StrAppend(&missing, missing.empty() ? "" : ", ", kNames[i]);
  }
  return missing;
}

}  // namespace synod::sim
