// Who a node is: ids that every member derives from the same flags, without asking anybody.
//
// As etcd does (server/etcdserver/api/membership): a member id is the first 64 bits, big-endian, of
// SHA-1 over its peer URLs, sorted and joined, then the cluster token; the cluster id the same over
// all member ids, sorted, eight big-endian bytes each. So a cluster that moves over from etcd keeps
// its ids.
#ifndef SYNOD_SERVICES_NODE_IDENTITY_H_
#define SYNOD_SERVICES_NODE_IDENTITY_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "common/url/url.h"

namespace synod::node {

struct IdentifiedMember {
  NodeId id;
  std::string name;
  std::vector<Url> peer_urls;
};

struct Identity {
  ClusterId cluster;
  NodeId self;
  std::vector<IdentifiedMember> members;  // ascending by id; contains self
};

// Precondition: `members` contains `name` once and has no URL twice.
Identity DeriveIdentity(absl::string_view name, const std::vector<ClusterMember>& members,
                        absl::string_view token);

// As people see ids: hexadecimal, like etcdctl.
template <class Tag>
std::string HexId(Id<Tag> id) {
  return absl::StrCat(absl::Hex(id.value()));
}

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_IDENTITY_H_
