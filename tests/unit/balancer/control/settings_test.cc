#include "balancer/control/settings.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace synod::balancer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::string Error(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(SettingsTest, SeedsAreAddressesOrADnsName) {
  const auto list = ParseSeeds("b:2379, 10.0.0.1:2379,[::1]:1");
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(list->addresses, ElementsAre("10.0.0.1:2379", "[::1]:1", "b:2379"));
  EXPECT_FALSE(list->dns);

  const auto dns = ParseSeeds("dns:///nodes.example:2379");
  ASSERT_TRUE(dns.ok()) << dns.status();
  EXPECT_THAT(dns->addresses, IsEmpty());
  EXPECT_EQ(dns->dns->ToString(), "nodes.example:2379");
}

TEST(SettingsTest, BadSeedsAreNamed) {
  EXPECT_THAT(Error(ParseSeeds("a:1,b").status()), HasSubstr("\"b\""));
  EXPECT_THAT(Error(ParseSeeds("a:1,,b:1").status()), HasSubstr("dns:///name:port"));
  EXPECT_THAT(Error(ParseSeeds("a:0").status()), HasSubstr("port above 0"));
  EXPECT_THAT(Error(ParseSeeds("a:1,b:1,a:1").status()), HasSubstr("\"a:1\" is listed twice"));
  EXPECT_FALSE(ParseSeeds("dns:///nodes").ok());
  EXPECT_FALSE(ParseSeeds("").ok());
}

TEST(SettingsTest, WeightsAreNamesAndNumbers) {
  EXPECT_THAT(*ParseWeights("n1=5, 10.0.0.1:2379=0"),
              ElementsAre(Pair("10.0.0.1:2379", 0), Pair("n1", 5)));
  EXPECT_THAT(*ParseWeights(""), IsEmpty());
  for (const char* text :
       {"n1", "n1=", "=5", "n1=-1", "n1=1.5", "n1=1001", "n1=5,", "n1=99999999999"}) {
    EXPECT_THAT(Error(ParseWeights(text).status()), HasSubstr("name=N")) << text;
  }
  EXPECT_THAT(Error(ParseWeights("n1=1,n1=2").status()), HasSubstr("two weights"));
}

TEST(SettingsTest, AWeightForNobodyListsWhoThereIs) {
  EXPECT_TRUE(CheckWeightNames({{"n1", 1}}, {"n1", "n2"}).ok());
  EXPECT_THAT(Error(CheckWeightNames({{"n1", 1}, {"n9", 1}}, {"n1", "n2"})),
              HasSubstr("\"n9\"; leave it out, or name one of: n1, n2"));
}

TEST(SettingsTest, TheFileChangesOnlyWhatItNames) {
  Settings current{"performance", WriteRouting::kPolicy, {{"n1", 2}}};
  const auto policy = WithFileValues(current, {{"policy", "random"}, {"listen", "elsewhere:1"}});
  ASSERT_TRUE(policy.ok());
  EXPECT_EQ(policy->policy, "random");
  EXPECT_EQ(policy->write_routing, WriteRouting::kPolicy);
  EXPECT_THAT(policy->weights, ElementsAre(Pair("n1", 2)));

  const auto rest = WithFileValues(current, {{"weights", "n2=7"}, {"write-routing", "leader"}});
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(rest->policy, "performance");
  EXPECT_EQ(rest->write_routing, WriteRouting::kLeader);
  EXPECT_THAT(rest->weights, ElementsAre(Pair("n2", 7)));
}

TEST(SettingsTest, AFileWithAnErrorChangesNothing) {
  const Settings current;
  EXPECT_THAT(Error(WithFileValues(current, {{"policy", "fastest"}}).status()),
              HasSubstr("round_robin"));
  EXPECT_THAT(Error(WithFileValues(current, {{"weights", "x"}}).status()), HasSubstr("name=N"));
  EXPECT_THAT(Error(WithFileValues(current, {{"write-routing", "x"}}).status()),
              HasSubstr("leader, policy"));
}

}  // namespace
}  // namespace synod::balancer
