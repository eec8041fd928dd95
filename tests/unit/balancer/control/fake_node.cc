#include "tests/unit/balancer/control/fake_node.h"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace synod::balancer {

namespace cluster = synod::cluster::v1;

FakeNode::FakeNode(Services services, int port) {
  grpc::EnableDefaultHealthCheckService(services.health);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port), grpc::InsecureServerCredentials(),
                           &port_);
  if (services.cluster) builder.RegisterService(&cluster_);
  if (!services.cluster) builder.RegisterService(&other_);  // A server needs one.
  server_ = builder.BuildAndStart();
  SYNOD_CHECK(server_ != nullptr && port_ != 0) << "no port for a fake node";
}

FakeNode::~FakeNode() {
  EndViews({grpc::StatusCode::UNAVAILABLE, "the test stops this node"});
  server_->Shutdown(std::chrono::system_clock::now());
}

std::string FakeNode::address() const {
  return absl::StrCat("127.0.0.1:", port_);
}

void FakeNode::SetView(const cluster::View& view) {
  const absl::MutexLock lock(&mutex_);
  view_ = view;
  ++version_;
}

void FakeNode::SetServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

void FakeNode::EndViews(grpc::Status status) {
  const absl::MutexLock lock(&mutex_);
  end_ = std::move(status);
}

grpc::Status FakeNode::ClusterService::WatchView(grpc::ServerContext* context,
                                                 const cluster::WatchViewRequest*,
                                                 grpc::ServerWriter<cluster::View>* writer) {
  uint64_t sent = 0;
  while (!context->IsCancelled()) {
    cluster::View view;
    {
      const auto changed = [this, &sent]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(node_->mutex_) {
        return node_->end_ || node_->version_ != sent;
      };
      const absl::MutexLock lock(&node_->mutex_);
      node_->mutex_.AwaitWithTimeout(absl::Condition(&changed), absl::Milliseconds(50));
      if (node_->end_) return *node_->end_;
      sent = node_->version_;
      view = node_->view_;
    }
    if (sent != 0 && !writer->Write(view)) break;
  }
  return grpc::Status::OK;
}

std::vector<std::unique_ptr<FakeNode>> StartFakeCluster(int count) {
  std::vector<std::unique_ptr<FakeNode>> nodes;
  for (int i = 0; i < count; ++i) nodes.push_back(std::make_unique<FakeNode>());
  for (size_t i = 0; i < nodes.size(); ++i) nodes[i]->SetView(FakeView(nodes, i, 0, 0));
  return nodes;
}

cluster::View FakeView(const std::vector<std::unique_ptr<FakeNode>>& nodes, size_t index,
                       uint64_t leader_id, uint64_t round) {
  cluster::View view;
  view.set_cluster_id(0xc1);
  view.set_member_id(index + 1);
  view.set_name(absl::StrCat("n", index + 1));
  view.set_configuration_version(1);
  for (size_t i = 0; i < nodes.size(); ++i) {
    cluster::Member* member = view.add_members();
    member->set_id(i + 1);
    member->set_name(absl::StrCat("n", i + 1));
    if (nodes[i] != nullptr) member->add_client_urls("http://" + nodes[i]->address());
  }
  view.set_leader_id(leader_id);
  view.mutable_leader_ballot()->set_round(round);
  view.mutable_leader_ballot()->set_node(leader_id);
  view.set_applied_slot(100);
  return view;
}

}  // namespace synod::balancer
