// A node as balancers see it: synod.cluster.v1 and grpc.health.v1 on a real port, scripted by a
// test.
#ifndef SYNOD_TESTS_UNIT_BALANCER_CONTROL_FAKE_NODE_H_
#define SYNOD_TESTS_UNIT_BALANCER_CONTROL_FAKE_NODE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "grpcpp/server.h"
#include "synod/balancer/v1/admin.grpc.pb.h"
#include "synod/cluster/v1/cluster.grpc.pb.h"

namespace synod::balancer {

// Thread-safety: any thread.
class FakeNode {
 public:
  struct Services {
    bool cluster = true;
    bool health = true;
  };

  // Listens on a free port of 127.0.0.1, or on `port`.
  explicit FakeNode(Services services, int port = 0);
  FakeNode() : FakeNode(Services()) {}
  ~FakeNode();

  std::string address() const;
  int port() const { return port_; }

  // Sent to every stream now and every 50 ms.
  void SetView(const synod::cluster::v1::View& view);
  void SetServing(bool serving);
  // Ends every view stream, and those that come, with this status.
  void EndViews(grpc::Status status);

 private:
  class ClusterService final : public synod::cluster::v1::Cluster::Service {
   public:
    explicit ClusterService(FakeNode* node) : node_(node) {}
    grpc::Status WatchView(grpc::ServerContext* context,
                           const synod::cluster::v1::WatchViewRequest*,
                           grpc::ServerWriter<synod::cluster::v1::View>* writer) override;

   private:
    FakeNode* const node_;
  };

  ClusterService cluster_{this};
  synod::balancer::v1::Admin::Service other_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;

  absl::Mutex mutex_;
  synod::cluster::v1::View view_ ABSL_GUARDED_BY(mutex_);
  uint64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);  // of the view streams
};

// Nodes n1, n2, ... of cluster 0xc1 that know one another; none leads yet.
std::vector<std::unique_ptr<FakeNode>> StartFakeCluster(int count);

// The view that node `index` (from 0) of such a cluster has under that leader (id; 0: none).
synod::cluster::v1::View FakeView(const std::vector<std::unique_ptr<FakeNode>>& nodes, size_t index,
                                  uint64_t leader_id, uint64_t round);

}  // namespace synod::balancer

#endif  // SYNOD_TESTS_UNIT_BALANCER_CONTROL_FAKE_NODE_H_
