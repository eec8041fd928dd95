#include "services/node/joining.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "services/node/data_dir.h"
#include "services/node/identity.h"
#include "services/node/membership.h"
#include "services/rpc/peer_calls.h"
#include "services/storage/env.h"
#include "services/storage/identity.h"

namespace synod::node {
namespace {

// Of one question to one member.
constexpr absl::Duration kQuestionTimeout = absl::Seconds(3);

constexpr absl::Duration kPause = absl::Milliseconds(200);
constexpr absl::Duration kPatience = absl::Seconds(20);

std::vector<std::string> OwnUrls(const NodeOptions& options) {
  std::vector<std::string> urls;
  for (const ClusterMember& member : options.initial_cluster) {
    if (member.name != options.name) continue;
    for (const Url& url : member.peer_urls) urls.push_back(url.ToString());
  }
  std::sort(urls.begin(), urls.end());
  return urls;
}

RunningCluster ToRunningCluster(const rpc::JoinAnswer& answer) {
  RunningCluster running{answer.cluster, answer.member, answer.configuration_version, {}};
  for (const rpc::Member& member : answer.members) {
    if (member.id == answer.member || member.peer_urls.empty()) continue;
    const auto url = ParseUrl(member.peer_urls.front());
    if (url.ok()) running.peers[member.id] = url->address.ToString();
  }
  return running;
}

// What asking everybody once came to.
struct Round {
  std::optional<rpc::JoinAnswer> best;
  bool strangers = false;  // somebody answered that it knows no such member
  absl::Status failure = absl::UnavailableError("--initial-cluster names nobody else");
};

Round AskEverybody(const NodeOptions& options, const Asking& asking,
                   const std::vector<std::string>& own) {
  Round round;
  for (const ClusterMember& member : options.initial_cluster) {
    if (member.name == options.name) continue;
    if (asking.stopped()) break;
    const std::string address = member.peer_urls.front().address.ToString();
    auto answer = asking.ask(address, own);
    if (answer.ok()) {
      if (!round.best || answer->configuration_version > round.best->configuration_version) {
        round.best = *std::move(answer);
      }
    } else if (absl::IsNotFound(answer.status())) {
      round.strangers = true;
    } else {
      round.failure =
          absl::Status(answer.status().code(),
                       absl::StrCat(member.name, " at ", address, ": ", answer.status().message()));
    }
  }
  return round;
}

}  // namespace

Asking AskOverNetwork(const Clock* clock, std::function<bool()> stopped) {
  return {[](const std::string& address, const std::vector<std::string>& peer_urls) {
            return rpc::AskWhoIAm(address, peer_urls, kQuestionTimeout);
          },
          [clock, until = clock->Monotonic() + kPatience] {
            if (clock->Monotonic() >= until) return false;
            absl::SleepFor(kPause);
            return true;
          },
          std::move(stopped)};
}

absl::StatusOr<RunningCluster> AskRunningCluster(const NodeOptions& options, const Asking& asking) {
  const std::vector<std::string> own = OwnUrls(options);
  if (options.initial_cluster.size() < 2) {
    return absl::FailedPreconditionError(
        "--initial-cluster names no other member: name those of the running cluster too, or start "
        "a new one with --initial-cluster-state=new");
  }
  while (true) {
    Round round = AskEverybody(options, asking, own);
    if (round.best) return ToRunningCluster(*round.best);
    if (round.strangers) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the cluster has no member with the peer URLs ", absl::StrJoin(own, ","),
          ": run `etcdctl member add ", options.name, " --peer-urls=", absl::StrJoin(own, ","),
          "` first, or correct --initial-cluster"));
    }
    if (absl::IsFailedPrecondition(round.failure)) return round.failure;
    if (asking.stopped()) return absl::CancelledError("told to stop before anybody answered");
    if (!asking.pause()) {
      return absl::UnavailableError(
          absl::StrCat("no member of --initial-cluster answers, the last being ",
                       round.failure.message(), ": check the addresses and the network"));
    }
  }
}

absl::StatusOr<WhoIAm> FindOutWhoIAm(const NodeOptions& options, const Asking& asking) {
  const Identity derived =
      DeriveIdentity(options.name, options.initial_cluster, options.initial_cluster_token);
  const auto found =
      storage::ReadIdentity(storage::Env::Posix(), absl::StrCat(options.data_dir, "/log"));
  if (found.ok()) {
    const bool founder = found->cluster == derived.cluster && found->node == derived.self;
    if (founder) return WhoIAm{found->cluster, found->node, FirstConfiguration(derived), {}};
    if (options.join_existing) return WhoIAm{found->cluster, found->node, {}, {}};
  } else if (absl::IsNotFound(found.status()) && options.join_existing) {
    // Nobody needs to be asked for that.
    storage::Env* const env = storage::Env::Posix();
    if (auto lost = CheckLogNotLost(env, options.data_dir); !lost.ok()) return lost;
    auto running = AskRunningCluster(options, asking);
    if (!running.ok()) return running.status();
    return WhoIAm{running->cluster, running->self, {}, *std::move(running)};
  }
  // A directory that is somebody else's, or damaged, is refused when it is opened, with the reason.
  return WhoIAm{derived.cluster, derived.self, FirstConfiguration(derived), {}};
}

}  // namespace synod::node
