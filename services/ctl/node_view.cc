#include "services/ctl/node_view.h"

#include "synod/cluster/v1/cluster.grpc.pb.h"

namespace synod::ctl {

absl::StatusOr<cluster::v1::View> ViewOf(const Session& session, const std::string& endpoint) {
  const auto channel = session.ConnectTo(endpoint);
  if (!channel.ok()) return channel.status();
  const auto context = session.NewContext();
  const auto stub = cluster::v1::Cluster::NewStub(*channel);
  const auto reader = stub->WatchView(context.get(), {});
  cluster::v1::View view;
  if (reader->Read(&view)) {
    context->TryCancel();
    return view;
  }
  return ToAbsl(reader->Finish());
}

}  // namespace synod::ctl
