#include "services/node/identity.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace synod::node {
namespace {

uint64_t Sha1Prefix(const std::string& text) {
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  uint64_t prefix = 0;
  for (int i = 0; i < 8; ++i) prefix = prefix << 8 | digest[i];
  return prefix;
}

NodeId MemberId(const ClusterMember& member, absl::string_view token) {
  std::vector<std::string> urls;
  for (const Url& url : member.peer_urls) urls.push_back(url.ToString());
  std::sort(urls.begin(), urls.end());
  std::string text;
  for (const std::string& url : urls) text += url;
  absl::StrAppend(&text, token);
  return NodeId(Sha1Prefix(text));
}

ClusterId ClusterIdOf(const std::vector<IdentifiedMember>& members) {
  std::string text;
  for (const IdentifiedMember& member : members) {
    for (int shift = 56; shift >= 0; shift -= 8) {
      text += static_cast<char>(member.id.value() >> shift & 0xff);
    }
  }
  return ClusterId(Sha1Prefix(text));
}

}  // namespace

Identity DeriveIdentity(absl::string_view name, const std::vector<ClusterMember>& members,
                        absl::string_view token) {
  Identity identity;
  for (const ClusterMember& member : members) {
    const NodeId id = MemberId(member, token);
    if (member.name == name) identity.self = id;
    identity.members.push_back({id, member.name, member.peer_urls});
  }
  std::sort(identity.members.begin(), identity.members.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  SYNOD_CHECK(identity.self) << "name=" << name << " is not among the members";
  identity.cluster = ClusterIdOf(identity.members);
  return identity;
}

}  // namespace synod::node
