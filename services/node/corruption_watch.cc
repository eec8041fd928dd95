#include "services/node/corruption_watch.h"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "services/node/identity.h"

namespace synod::node {
namespace {

// Of one proposal, between two, and how many are tried: an election may come in between.
constexpr absl::Duration kAnswerTimeout = absl::Seconds(1);
constexpr absl::Duration kPause = absl::Milliseconds(500);
constexpr int kTries = 10;

}  // namespace

std::vector<NodeId> Deviating(absl::Span<const MemberHash> hashes, size_t voters) {
  struct Holders {
    std::vector<NodeId> members;
    size_t votes = 0;
  };
  std::map<kv::Revision, std::map<uint32_t, Holders>> by_floor;
  for (const MemberHash& one : hashes) {
    Holders& holders = by_floor[one.hash.compact_revision][one.hash.hash];
    holders.members.push_back(one.member);
    if (one.votes) ++holders.votes;
  }
  std::vector<NodeId> deviating;
  for (const auto& [floor, by_hash] : by_floor) {
    if (by_hash.size() == 1) continue;
    for (const auto& [hash, holders] : by_hash) {
      if (2 * holders.votes > voters) continue;
      deviating.insert(deviating.end(), holders.members.begin(), holders.members.end());
    }
  }
  std::sort(deviating.begin(), deviating.end());
  return deviating;
}

CorruptionWatch::CorruptionWatch(rpc::Backend* backend, Ask ask, Log* log)
    : backend_(backend), ask_(std::move(ask)), log_(log) {}

void CorruptionWatch::Compare() {
  const rpc::NodeStatus status = backend_->Status();
  if (!status.leading || status.members.size() < 2 || stopped_.HasBeenNotified()) return;
  const std::vector<MemberHash> hashes = Collect(status);
  if (stopped_.HasBeenNotified()) return;
  const auto voters = std::count_if(status.members.begin(), status.members.end(),
                                    [](const rpc::Member& member) { return !member.learner; });
  const std::vector<NodeId> deviating = Deviating(hashes, static_cast<size_t>(voters));
  if (deviating.empty()) {
    if (hashes.size() > 1) {
      log_->Info("members compared: no difference found")
          .With("members", hashes.size())
          .With("revision", hashes.front().hash.revision);
    }
    return;
  }
  for (const MemberHash& one : hashes) {
    log_->Error("members differ: see the CORRUPT alarms")
        .With("node", HexId(one.member))
        .With("hash", one.hash.hash)
        .With("compact_revision", one.hash.compact_revision)
        .With("revision", one.hash.revision);
  }
  for (const NodeId member : deviating) Raise(member);
}

std::vector<MemberHash> CorruptionWatch::Collect(const rpc::NodeStatus& status) {
  const auto stopped = [this] { return stopped_.HasBeenNotified(); };
  const auto leave_out = [this](NodeId member, absl::string_view why) {
    if (stopped_.HasBeenNotified()) return;
    log_->Warn("a member's data could not be compared")
        .With("node", HexId(member))
        .With("why", why);
  };
  std::vector<MemberHash> hashes;
  kv::Revision revision = 0;
  {
    const std::shared_ptr<const kv::ReadView> view = backend_->View();
    revision = view->revision();
    const kv::ReadResult<kv::HashResponse> own = view->Hash(revision, stopped);
    if (own.error == kv::Error::kNone) {
      hashes.push_back({status.self, own.response});
    } else {
      leave_out(status.self, own.error == kv::Error::kCompacted
                                 ? "the revision was compacted meanwhile"
                                 : "this member cannot read its own store");
    }
  }
  for (const rpc::Member& member : status.members) {
    if (member.id == status.self || stopped_.HasBeenNotified()) continue;
    const absl::StatusOr<kv::HashResponse> hash = ask_(member.id, revision, stopped);
    if (hash.ok()) {
      hashes.push_back({member.id, *hash, !member.learner});
    } else {
      leave_out(member.id, hash.status().message());
    }
  }
  return hashes;
}

void CorruptionWatch::Raise(NodeId member) {
  const kv::AlarmRequest alarm{.action = kv::AlarmAction::kActivate,
                               .alarm = {member, kv::AlarmType::kCorrupt}};
  for (int i = 0; i < kTries; ++i) {
    rpc::Failure outcome = rpc::Failure::kNone;
    absl::Notification answered;
    backend_->Propose(alarm, backend_->Now() + kAnswerTimeout,
                      [&](const rpc::ProposeOutcome& proposed) {
                        outcome = proposed.failure;
                        answered.Notify();
                      });
    answered.WaitForNotification();
    if (outcome == rpc::Failure::kNone || stopped_.WaitWithTimeout(kPause)) return;
  }
  log_->Error("the CORRUPT alarm could not be raised").With("node", HexId(member));
}

}  // namespace synod::node
