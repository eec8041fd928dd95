// One node's own view of its cluster, as it streams it to balancers (synod.cluster.v1).
#ifndef SYNOD_SERVICES_CTL_NODE_VIEW_H_
#define SYNOD_SERVICES_CTL_NODE_VIEW_H_

#include <string>

#include "absl/status/statusor.h"
#include "services/ctl/session.h"
#include "synod/cluster/v1/cluster.pb.h"

namespace synod::ctl {

// The first view that the endpoint sends.
absl::StatusOr<cluster::v1::View> ViewOf(const Session& session, const std::string& endpoint);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_NODE_VIEW_H_
