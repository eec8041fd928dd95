// The policies there are, for the registry in policy.cc: one constructor each, one source file
// each.
#ifndef SYNOD_BALANCER_POLICIES_POLICIES_H_
#define SYNOD_BALANCER_POLICIES_POLICIES_H_

#include <memory>

#include "balancer/policies/policy.h"

namespace synod::balancer {

// Each in turn: the candidate whose last turn is the longest ago. Every worker starts in an order
// of its own, so that many of them do not begin at the same backend, and a backend that comes or
// goes does not restart the round.
std::unique_ptr<Policy> MakeRoundRobin();

// Each with the same probability, whatever the past.
std::unique_ptr<Policy> MakeRandom();

// Smooth weighted round robin, after nginx' ngx_http_upstream_round_robin: weights 5, 1, 1 give
// a a b a c a a, and every window of as many picks as the weights sum to is exact. An unknown
// weight counts as the mean of the known ones; zero means no calls while another candidate has a
// weight. Left out: nginx' effective weight, which sinks on failures; ejection does that here.
std::unique_ptr<Policy> MakeWeighted();

// The lowest expected wait: latency x (calls in flight + 1), within the method's class. Latency is
// the peak-EWMA or, when longer, the mean age of the calls that still wait (a hang shows before any
// call completes). A backend without history costs nothing while idle, so that one call measures
// it, and a large penalty until that call returns (Finagle). Streams have no latency: the fewest
// open ones.
std::unique_ptr<Policy> MakePerformance();

// The fewest calls in flight in the method's class; with unequal weights, a draw with probability
// proportional to weight / (in flight + 1) (Envoy's weighted least request, bias 1).
std::unique_ptr<Policy> MakeLeastRequest();

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_POLICIES_POLICIES_H_
