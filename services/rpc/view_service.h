// synod.cluster.v1.Cluster: the node's view of its cluster, for balancers and tools.
//
// Thread-safety: all methods from any thread.
#ifndef SYNOD_SERVICES_RPC_VIEW_SERVICE_H_
#define SYNOD_SERVICES_RPC_VIEW_SERVICE_H_

#include <cstdint>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/rpc/latest_stream.h"
#include "services/rpc/status_feed.h"
#include "synod/cluster/v1/cluster.grpc.pb.h"

namespace synod::rpc {

class ViewService final : public cluster::v1::Cluster::CallbackService {
 public:
  // More streams at a time are refused with RESOURCE_EXHAUSTED.
  static constexpr size_t kMaxStreams = 256;

  // Both outlive the service.
  ViewService(Backend* backend, StatusFeed* feed) : backend_(backend), feed_(feed) {}

  // Ends all streams, later ones at once.
  void Shutdown();

  grpc::ServerWriteReactor<cluster::v1::View>* WatchView(
      grpc::CallbackServerContext* context, const cluster::v1::WatchViewRequest* request) override;

 private:
  using Stream = LatestStream<cluster::v1::View>;

  void Remove(Stream* stream);

  Backend* const backend_;
  StatusFeed* const feed_;
  absl::Mutex mutex_;
  bool shut_down_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<Stream*, uint64_t> streams_ ABSL_GUARDED_BY(mutex_);  // to ids in the feed
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_VIEW_SERVICE_H_
