#include "common/url/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace synod {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(HostPortTest, RoundTrips) {
  for (const char* text : {"127.0.0.1:2379", "localhost:0", "[::1]:2380", "n1.synod-peers:65535"}) {
    const auto parsed = ParseHostPort(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->ToString(), text);
  }
  EXPECT_EQ(ParseHostPort("[::1]:2380")->host, "::1");
}

TEST(HostPortTest, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"localhost", "has no port"},
      {":2379", "has no host"},
      {"a:65536", "number from 0 to 65535"},
      {"a:", "number from 0 to 65535"},
      {"a:+1", "number from 0 to 65535"},
      {"::1:2379", "without brackets"},
      {"http://127.0.0.1:1", "is a URL; write host:port"},
      {"[::1:2379", "unclosed"},
      {"[abc]:1", "no IPv6 address"},
      {"a b:1", "no host name has"},
      {"", "has no port"},
  };
  for (const auto& [text, problem] : cases) {
    const auto parsed = ParseHostPort(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(problem)) << text;
  }
}

TEST(UrlTest, ParsesLists) {
  const auto urls = ParseUrlList("http://127.0.0.1:2379,https://n1:1");
  ASSERT_TRUE(urls.ok()) << urls.status();
  EXPECT_THAT(*urls, ElementsAre(Url{"http", {"127.0.0.1", 2379}}, Url{"https", {"n1", 1}}));
}

TEST(UrlTest, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"127.0.0.1:2379", "is not a URL; write http://host:port"},
      {"unix://a:1", "scheme other than http and https"},
      {"http://a:1/path", "more than a host and a port"},
      {"http://user@a:1", "more than a host and a port"},
      {"http://a", "has no port"},
      {"http://a:1,", "is not a URL"},
      {"", "is not a URL"},
  };
  for (const auto& [text, problem] : cases) {
    const auto parsed = ParseUrlList(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(problem)) << text;
  }
}

TEST(ListenerTest, NoTwoMayBeInEachOthersWay) {
  const struct {
    HostPort first, second;
    bool apart;
  } cases[] = {
      {{"127.0.0.1", 1}, {"127.0.0.1", 2}, true}, {{"127.0.0.1", 1}, {"127.0.0.2", 1}, true},
      {{"127.0.0.1", 0}, {"127.0.0.1", 0}, true}, {{"127.0.0.1", 1}, {"127.0.0.1", 1}, false},
      {{"0.0.0.0", 1}, {"127.0.0.1", 1}, false},  {{"127.0.0.1", 1}, {"::", 1}, false},
      {{"0.0.0.0", 1}, {"127.0.0.1", 2}, true},
  };
  for (const auto& [first, second, apart] : cases) {
    EXPECT_EQ(CheckApart({{"listen", first}, {"other", {"127.0.0.1", 9}}, {"admin", second}}).ok(),
              apart)
        << first.ToString() << " " << second.ToString();
  }
  EXPECT_EQ(CheckApart({{"listen", {"a", 1}}, {"admin", {"a", 1}}}).message(),
            "--admin: a:1 is taken by --listen, a:1; give each listener a port of its own");
}

TEST(ClusterTest, GroupsUrlsByNameInOrderOfMention) {
  const auto members = ParseCluster("n2=http://b:1,n1=http://a:1,n2=http://c:1");
  ASSERT_TRUE(members.ok()) << members.status();
  EXPECT_THAT(*members, ElementsAre(ClusterMember{"n2", {{"http", {"b", 1}}, {"http", {"c", 1}}}},
                                    ClusterMember{"n1", {{"http", {"a", 1}}}}));
}

TEST(ClusterTest, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"http://a:1", "is not a member; write name=http://host:port"},
      {"=http://a:1", "is not a member"},
      {"n1=", "is not a member"},
      {"n1=a:1", "is not a URL"},
      {"n1=http://a:1,n2=http://a:1", "given to two members"},
  };
  for (const auto& [text, problem] : cases) {
    const auto parsed = ParseCluster(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(problem)) << text;
  }
}

}  // namespace
}  // namespace synod
