// ClassifyMethod and IsIdempotent: what the balancer knows of etcd's and Synod's methods.
#include <algorithm>
#include <iterator>

#include "balancer/policies/router.h"

namespace synod::balancer {
namespace {

struct Method {
  absl::string_view path;
  MethodClass method_class;
  bool idempotent = false;
};

using enum MethodClass;

// Sorted by path. What is missing counts as a write, so writes are listed only where one might
// wonder. Lock and Campaign wait for other clients, so they have no latency worth comparing:
// kStream. Answers of kMember methods are about the answering member, and must not come from
// another one at each call. Alarm and Downgrade are decided by the whole cluster, so they are
// writes.
constexpr Method kMethods[] = {
    {"/etcdserverpb.Auth/AuthStatus", kRead, true},
    {"/etcdserverpb.Auth/RoleGet", kRead, true},
    {"/etcdserverpb.Auth/RoleList", kRead, true},
    {"/etcdserverpb.Auth/UserGet", kRead, true},
    {"/etcdserverpb.Auth/UserList", kRead, true},
    {"/etcdserverpb.Cluster/MemberList", kRead, true},
    {"/etcdserverpb.KV/Range", kRead, true},
    {"/etcdserverpb.KV/RangeStream", kStream, true},
    {"/etcdserverpb.Lease/LeaseKeepAlive", kStream},
    {"/etcdserverpb.Lease/LeaseLeases", kRead, true},
    {"/etcdserverpb.Lease/LeaseTimeToLive", kRead, true},
    {"/etcdserverpb.Maintenance/Alarm", kWrite},
    {"/etcdserverpb.Maintenance/Defragment", kMember},
    {"/etcdserverpb.Maintenance/Downgrade", kWrite},
    {"/etcdserverpb.Maintenance/Hash", kMember, true},
    {"/etcdserverpb.Maintenance/HashKV", kMember, true},
    {"/etcdserverpb.Maintenance/MoveLeader", kMember},
    {"/etcdserverpb.Maintenance/Snapshot", kMember},
    {"/etcdserverpb.Maintenance/Status", kMember, true},
    {"/etcdserverpb.Watch/Watch", kStream},
    {"/grpc.health.v1.Health/Check", kRead, true},
    {"/grpc.health.v1.Health/Watch", kStream},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", kStream},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kStream},
    {"/synod.cluster.v1.Cluster/WatchView", kMember},
    {"/v3electionpb.Election/Campaign", kStream},
    {"/v3electionpb.Election/Leader", kRead, true},
    {"/v3electionpb.Election/Observe", kStream},
    {"/v3lockpb.Lock/Lock", kStream},
};

constexpr bool Before(const Method& a, const Method& b) {
  return a.path < b.path;
}
static_assert(std::is_sorted(std::begin(kMethods), std::end(kMethods), Before));

const Method* Find(absl::string_view path) {
  const auto* found = std::lower_bound(
      std::begin(kMethods), std::end(kMethods), path,
      [](const Method& method, absl::string_view wanted) { return method.path < wanted; });
  return found != std::end(kMethods) && found->path == path ? found : nullptr;
}

}  // namespace

MethodClass ClassifyMethod(absl::string_view path) {
  const Method* method = Find(path);
  return method == nullptr ? kWrite : method->method_class;
}

bool IsIdempotent(absl::string_view path) {
  const Method* method = Find(path);
  return method != nullptr && method->idempotent;
}

}  // namespace synod::balancer
