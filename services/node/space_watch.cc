#include "services/node/space_watch.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"

namespace synod::node {
namespace {

// Of a read and of a proposal; what fails is done again.
constexpr absl::Duration kAnswerTimeout = absl::Seconds(1);

}  // namespace

absl::StatusOr<uint64_t> FreeBytes(const std::string& path) {
  struct statvfs info {};
  if (statvfs(path.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("free space of ", path));
  }
  return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
}

SpaceWatch::SpaceWatch(Limits limits, Probes probes, rpc::Backend* backend, Log* log)
    : limits_(limits),
      probes_(std::move(probes)),
      backend_(backend),
      log_(log),
      self_(backend->Status().self) {}

void SpaceWatch::Look() {
  if (WhyShort().empty() || Raised()) return;
  // This member may be behind, and room may have been made and the alarm disarmed. So: is it not
  // raised, as far as anybody knows, and is space short even so?
  if (!AwaitNewest() || Raised()) return;
  const std::string why = WhyShort();
  if (why.empty()) return;
  log_->Error("stopping writes for want of space: make room, then disarm the alarm")
      .With("why", why);
  Raise();
}

bool SpaceWatch::AwaitNewest() {
  absl::Notification answered;
  rpc::Failure outcome = rpc::Failure::kNone;
  backend_->AwaitReadable(backend_->Now() + kAnswerTimeout, [&](rpc::Failure failure) {
    outcome = failure;
    answered.Notify();
  });
  answered.WaitForNotification();
  return outcome == rpc::Failure::kNone;
}

void SpaceWatch::Raise() {
  absl::Notification answered;
  backend_->Propose(kv::AlarmRequest{.action = kv::AlarmAction::kActivate,
                                     .alarm = {self_, kv::AlarmType::kNoSpace}},
                    backend_->Now() + kAnswerTimeout,
                    [&](const rpc::ProposeOutcome&) { answered.Notify(); });
  answered.WaitForNotification();
}

std::string SpaceWatch::WhyShort() {
  if (limits_.quota_bytes > 0) {
    const uint64_t size = backend_->Status().db_size_bytes;
    if (size >= limits_.quota_bytes) {
      return absl::StrCat("the database has ", size, " bytes of ", limits_.quota_bytes, " allowed");
    }
  }
  if (probes_.log_is_short()) return "the log cannot make its next segment";
  if (limits_.reserve_bytes == 0) return "";
  const auto free = probes_.free_bytes();
  if (!free.ok()) {
    log_->Warn("cannot watch the free space").With("error", free.status().message());
    return "";
  }
  if (*free >= limits_.reserve_bytes) return "";
  return absl::StrCat(*free, " bytes are free, the reserve is ", limits_.reserve_bytes);
}

bool SpaceWatch::Raised() const {
  const auto alarms = backend_->View()->Alarms(kv::AlarmType::kNoSpace).response.alarms;
  return std::any_of(alarms.begin(), alarms.end(),
                     [this](const kv::Alarm& alarm) { return alarm.member == self_; });
}

}  // namespace synod::node
