#include "services/rpc/call.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/utf8.h"
#include "services/rpc/error_table.h"

namespace synod::rpc {
namespace {

// The part of a client's deadline, and its most, that is left for our answer to travel.
constexpr int kMarginPart = 10;
constexpr absl::Duration kMaxMargin = absl::Milliseconds(250);

// A read holds one of few threads, and the files of a state that a snapshot may have replaced.
constexpr absl::Duration kLongestRead = absl::Seconds(60);

// Empty when the key is absent.
absl::string_view Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find(key);
  if (found == metadata.end()) return {};
  return {found->second.data(), found->second.size()};
}

// How long the client of a call that arrives now waits for the answer to leave.
absl::Duration Patience(const grpc::CallbackServerContext& context) {
  const auto client = context.deadline();
  if (client == std::chrono::system_clock::time_point::max()) return absl::InfiniteDuration();
  const absl::Duration left = absl::FromChrono(client - std::chrono::system_clock::now());
  return std::max(left - std::min(left / kMarginPart, kMaxMargin), absl::ZeroDuration());
}

}  // namespace

absl::string_view MethodName(Method method) {
  switch (method) {
    case Method::kRange:
      return "etcdserverpb.KV/Range";
    case Method::kPut:
      return "etcdserverpb.KV/Put";
    case Method::kDeleteRange:
      return "etcdserverpb.KV/DeleteRange";
    case Method::kTxn:
      return "etcdserverpb.KV/Txn";
    case Method::kCompact:
      return "etcdserverpb.KV/Compact";
    case Method::kMemberList:
      return "etcdserverpb.Cluster/MemberList";
    case Method::kMemberAdd:
      return "etcdserverpb.Cluster/MemberAdd";
    case Method::kMemberRemove:
      return "etcdserverpb.Cluster/MemberRemove";
    case Method::kMemberUpdate:
      return "etcdserverpb.Cluster/MemberUpdate";
    case Method::kMemberPromote:
      return "etcdserverpb.Cluster/MemberPromote";
    case Method::kStatus:
      return "etcdserverpb.Maintenance/Status";
    case Method::kAlarm:
      return "etcdserverpb.Maintenance/Alarm";
    case Method::kDefragment:
      return "etcdserverpb.Maintenance/Defragment";
    case Method::kHashKv:
      return "etcdserverpb.Maintenance/HashKV";
    case Method::kMoveLeader:
      return "etcdserverpb.Maintenance/MoveLeader";
  }
  return "";
}

Call::Call(const CallEnvironment& environment, Method method, grpc::CallbackServerContext* context)
    : environment_(environment),
      method_(method),
      context_(context),
      started_(environment.backend->Now()),
      client_deadline_(started_ + Patience(*context)),
      deadline_(std::min(client_deadline_, started_ + environment.options.request_timeout)) {
  if (options().observer != nullptr) options().observer->Started(method_);
}

grpc::Status Call::Admit() {
  if (!IsUtf8(Metadata(*context_, "client-api-version"))) {
    return ToStatus(EtcdError::kInvalidClientApiVersion);
  }
  if (Metadata(*context_, "hasleader") == "true" && !backend().Status().leader) {
    return ToStatus(EtcdError::kNoLeader);
  }
  const absl::string_view min_revision = Metadata(*context_, "synod-min-revision");
  if (!min_revision.empty() && !absl::SimpleAtoi(min_revision, &min_revision_)) {
    return {grpc::StatusCode::INVALID_ARGUMENT,
            absl::StrCat("synod: metadata synod-min-revision is '", min_revision,
                         "'; it must be a revision in decimal")};
  }
  return grpc::Status::OK;
}

void Call::BeginRead(bool linearizable, ReadKind kind) {
  read_kind_ = kind;
  if (!linearizable && backend().View()->revision() >= min_revision_) {
    return kind == ReadKind::kPoint ? ReadNewest() : PostRead();
  }
  backend().AwaitReadable(Deadline(), [this](Failure failure) {
    if (failure != Failure::kNone) return Fail(Explain(failure));
    PostRead();
  });
}

void Call::PostRead() {
  if (!Pool()->Post([this] { ReadNewest(); })) Fail(Explain(Failure::kOverloaded));
}

ReadPool* Call::Pool() const {
  switch (read_kind_) {
    case ReadKind::kPoint:
      return environment_.point_reads;
    case ReadKind::kRange:
      return environment_.range_reads;
    case ReadKind::kWhole:
      break;
  }
  return environment_.whole_reads;
}

void Call::ReadNewest() {
  if (GivenUp()) return FailRead(kv::Error::kGivenUp);
  const std::shared_ptr<const kv::ReadView> view = backend().View();
  if (view->revision() < min_revision_) {
    return Fail({grpc::StatusCode::UNAVAILABLE,
                 absl::StrCat("synod: revision ", min_revision_,
                              ", asked for in synod-min-revision, does not exist yet: the store is "
                              "at ",
                              view->revision())});
  }
  Read(*view);
}

bool Call::GivenUp() const {
  const absl::Duration until = std::min(client_deadline_, started_ + kLongestRead);
  return context_->IsCancelled() || environment_.backend->Now() >= until;
}

void Call::FailRead(kv::Error error) {
  const bool late = error == kv::Error::kGivenUp && !context_->IsCancelled();
  Fail(late ? Explain(Failure::kTimeout) : ToStatus(error));
}

void Call::Read(const kv::ReadView&) {
  SYNOD_CHECK(false) << MethodName(method_);
}

void Call::Propose(kv::Request request) {
  if (backend().Refuses(request) == kv::Error::kNone) return ProposeNow(std::move(request));
  // The log of a full disk has no room for what would be refused in the end. But the alarm may be
  // over, and this replica have yet to learn it.
  backend().AwaitReadable(Deadline(),
                          [this, request = std::move(request)](Failure failure) mutable {
                            if (failure != Failure::kNone) return Fail(Explain(failure));
                            const kv::Error error = backend().Refuses(request);
                            if (error != kv::Error::kNone) return Fail(ToStatus(error));
                            ProposeNow(std::move(request));
                          });
}

void Call::ProposeNow(kv::Request request) {
  backend().Propose(std::move(request), Deadline(), [this](ProposeOutcome outcome) {
    if (outcome.failure != Failure::kNone) return Fail(Explain(outcome.failure));
    if (outcome.result.error != kv::Error::kNone) return Fail(ToStatus(outcome.result.error));
    Written(std::move(outcome.result));
  });
}

void Call::Written(kv::Result) {
  SYNOD_CHECK(false) << MethodName(method_);
}

void Call::FillHeader(kv::Revision revision, etcdserverpb::ResponseHeader* header) const {
  header->set_cluster_id(environment_.cluster.value());
  header->set_member_id(environment_.self.value());
  header->set_revision(revision);
  header->set_raft_term(environment_.backend->ballot_round());
}

void Call::Complete(kv::Revision revision) {
  context_->AddTrailingMetadata("synod-revision", absl::StrCat(revision));
  Answer(grpc::Status::OK);
}

void Call::Fail(const grpc::Status& status) {
  Answer(status);
}

void Call::Answer(const grpc::Status& status) {
  context_->AddTrailingMetadata("synod-member", environment_.name);
  if (options().observer != nullptr) {
    options().observer->Finished(method_, static_cast<absl::StatusCode>(status.error_code()),
                                 backend().Now() - started_);
  }
  Finish(status);
}

absl::Duration Call::Deadline() const {
  return deadline_;
}

grpc::Status Call::Explain(Failure failure) const {
  const bool cut_off =
      failure == Failure::kTimeout &&
      environment_.backend->Status().quorum_contact_age > environment_.options.quorum_contact_limit;
  return cut_off ? ToStatus(EtcdError::kTimeoutDueToConnectionLost) : ToStatus(failure);
}

}  // namespace synod::rpc
