// The balancer's picture of the world: an immutable value, built by the control plane, published to
// the workers by one pointer swap, read without locks.
//
// Thread-safety: const after publication.
#ifndef SYNOD_BALANCER_VIEW_VIEW_H_
#define SYNOD_BALANCER_VIEW_VIEW_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "balancer/view/backend_stats.h"

namespace synod::balancer {

enum class BackendState : uint8_t { kReady, kConnecting, kUnhealthy, kDraining, kEjected };

// Only voters get calls and count towards quorums.
enum class BackendRole : uint8_t {
  kVoter,
  kLearner,   // a member that catches up and may not vote yet
  kStranger,  // a seed that no member answers at: of another cluster, or not heard of yet
};

struct Backend {
  std::string name;     // node name when known, else the address
  std::string address;  // host:port; the identity under which stats and connections are kept
  BackendState state = BackendState::kConnecting;
  std::string reason;  // why it is not ready
  BackendRole role = BackendRole::kVoter;
  // Reachable, but cut off from its quorum or not serving: may still answer reads that allow
  // staleness, which only the node can tell from those that do not.
  bool last_resort = false;
  std::optional<uint32_t> weight;  // static weight, or derived from reported load; nullopt: unknown
  uint64_t applied_slot = 0;
  absl::Duration quorum_contact_age;
  std::shared_ptr<BackendStats> stats;  // never null
};

enum class WriteRouting : uint8_t { kLeader, kPolicy };

struct View {
  uint64_t version = 0;
  std::vector<Backend> backends;      // ordered by address; never empty once the seeds are read
  std::vector<std::string> unplaced;  // names of members that nobody knows an address of
  std::optional<size_t> leader;       // index into backends: the highest ballot seen wins
  // Whether a node that hears its quorum names that leader now. Otherwise it is the last one known:
  // still the best guess for writes, and no answer to who leads.
  bool leader_confirmed = false;
  uint64_t leader_ballot_round = 0;
  uint64_t cluster_id = 0;  // 0 in generic mode
  std::string policy;       // a registered name
  WriteRouting write_routing = WriteRouting::kLeader;
  bool generic = false;  // any gRPC service: no method classes, no leader

  // Who leads, as far as the nodes say; null when none of them can tell.
  const Backend* ConfirmedLeader() const {
    return leader && leader_confirmed ? &backends[*leader] : nullptr;
  }
};

// ready, connecting, unhealthy, draining, ejected.
absl::string_view BackendStateName(BackendState state);

// voter, learner, stranger.
absl::string_view BackendRoleName(BackendRole role);

// How many backends must stay in use whatever their failures look like: a quorum of the voting
// members; in generic mode, where any one backend serves, half of them.
size_t MinimumInUse(const View& view);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_VIEW_VIEW_H_
