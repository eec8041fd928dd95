#include "services/node/identity.h"

#include <gtest/gtest.h>

namespace synod::node {
namespace {

std::vector<ClusterMember> Members(const char* text) {
  return *ParseCluster(text);
}

// The ids that every etcd started without flags has shown since 2015.
TEST(IdentityTest, DerivesEtcdsIds) {
  const Identity identity =
      DeriveIdentity("default", Members("default=http://localhost:2380"), "etcd-cluster");
  EXPECT_EQ(HexId(identity.self), "8e9e05c52164694d");
  EXPECT_EQ(HexId(identity.cluster), "cdf818194e3a8c32");
}

TEST(IdentityTest, MembersAgreeWhateverTheOrderOfTheFlag) {
  const Identity one =
      DeriveIdentity("n1", Members("n1=http://a:1,n2=http://b:1,n3=http://c:1,n3=http://d:1"), "t");
  const Identity other =
      DeriveIdentity("n3", Members("n3=http://d:1,n2=http://b:1,n3=http://c:1,n1=http://a:1"), "t");
  EXPECT_EQ(one.cluster, other.cluster);
  ASSERT_EQ(one.members.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(one.members[i].id, other.members[i].id);
    EXPECT_EQ(one.members[i].name, other.members[i].name);
    if (i > 0) {
      EXPECT_LT(one.members[i - 1].id, one.members[i].id);
    }
  }
  EXPECT_NE(one.self, other.self);
}

TEST(IdentityTest, TokenAndUrlsTellClustersApart) {
  const auto members = Members("n1=http://a:1,n2=http://b:1");
  const ClusterId cluster = DeriveIdentity("n1", members, "t").cluster;
  EXPECT_NE(cluster, DeriveIdentity("n1", members, "u").cluster);
  EXPECT_NE(cluster, DeriveIdentity("n1", Members("n1=http://a:2,n2=http://b:1"), "t").cluster);
}

}  // namespace
}  // namespace synod::node
