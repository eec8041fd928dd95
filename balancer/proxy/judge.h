// What a finished response says about the backend that gave it. Ejection counts on it: a failure
// whose cause is not the backend's must not take a healthy node out of use.
//
// Thread-safety: pure function.
#ifndef SYNOD_BALANCER_PROXY_JUDGE_H_
#define SYNOD_BALANCER_PROXY_JUDGE_H_

#include "balancer/proxy/header_list.h"
#include "balancer/view/backend_stats.h"

namespace synod::balancer {

// `last` are the trailers, or the headers of a response that has nothing else; `http_failed`: its
// HTTP status was 5xx, which counts where there is no grpc-status.
//
// kFailed for UNAVAILABLE and INTERNAL, but for what a Synod node (`synod-member`) says of the
// whole cluster or of the request itself: no leader, out of time, a revision that does not exist,
// a request that cannot be parsed.
// Those are kCancelled: neither a failure nor a success. Health and the nodes' views tell who is
// cut off.
CallResult Judge(const HeaderList& last, bool http_failed);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_JUDGE_H_
