#include "services/rpc/view_service.h"

#include <algorithm>
#include <utility>

#include "services/rpc/error_table.h"
#include "services/rpc/member_codec.h"

namespace synod::rpc {
namespace {

namespace wire = cluster::v1;

constexpr absl::Duration kDefaultInterval = absl::Seconds(1);
constexpr absl::Duration kMinInterval = absl::Milliseconds(20);

wire::View ToView(const NodeStatus& status, kv::Revision revision) {
  wire::View view;
  view.set_cluster_id(status.cluster.value());
  view.set_member_id(status.self.value());
  view.set_name(status.name);
  for (const Member& member : status.members) EncodeMember(member, *view.add_members());
  view.set_configuration_version(status.configuration_version);
  view.set_leader_id(status.leader.value());
  view.mutable_leader_ballot()->set_round(status.ballot_round);
  view.mutable_leader_ballot()->set_node(status.ballot_node.value());
  view.set_leading(status.leading);
  view.set_chosen_slot(status.chosen.value());
  view.set_applied_slot(status.applied.value());
  view.set_revision(revision);
  const int64_t age = absl::ToInt64Milliseconds(status.quorum_contact_age);
  view.set_quorum_contact_age_ms(static_cast<uint64_t>(std::max<int64_t>(age, 0)));
  view.mutable_load()->set_cpu_utilization(status.load.cpu_utilization);
  view.mutable_load()->set_requests_per_second(status.load.requests_per_second);
  view.mutable_load()->set_errors_per_second(status.load.errors_per_second);
  view.mutable_load()->set_requests_in_flight(status.load.requests_in_flight);
  view.mutable_load()->set_queue_utilization(status.load.queue_utilization);
  return view;
}

}  // namespace

grpc::ServerWriteReactor<wire::View>* ViewService::WatchView(
    grpc::CallbackServerContext*, const wire::WatchViewRequest* request) {
  auto* stream = new Stream([this](Stream* done) { Remove(done); });
  const absl::Duration interval =
      request->interval_ms() == 0
          ? kDefaultInterval
          : std::max(absl::Milliseconds(request->interval_ms()), kMinInterval);
  absl::MutexLock lock(&mutex_);
  if (shut_down_) {
    stream->End(ToStatus(EtcdError::kStopped));
  } else if (streams_.size() >= kMaxStreams) {
    stream->End({grpc::StatusCode::RESOURCE_EXHAUSTED,
                 "synod: this node already serves its most view streams; close some"});
  } else {
    streams_[stream] = feed_->Add(interval, [this, stream](const NodeStatus& status) {
      stream->Publish(ToView(status, backend_->View()->revision()));
    });
  }
  return stream;
}

void ViewService::Remove(Stream* stream) {
  uint64_t id = 0;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    id = found->second;
    streams_.erase(found);
  }
  feed_->Remove(id);
}

void ViewService::Shutdown() {
  absl::MutexLock lock(&mutex_);
  shut_down_ = true;
  for (const auto& [stream, id] : streams_) stream->End(ToStatus(EtcdError::kStopped));
}

}  // namespace synod::rpc
