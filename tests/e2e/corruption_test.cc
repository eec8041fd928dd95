// A member whose data went wrong where no checksum sees it: the others find it, name it, and stop
// writing; what docs/operations.md says mends it.
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/client.h"
#include "tests/e2e/cluster.h"
#include "tests/support/await.h"
#include "tests/support/wrong_value.h"

namespace synod::e2e {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kLimit = absl::Seconds(30);

class CorruptionTest : public ::testing::Test {
 protected:
  static constexpr int kWrong = 3;

  void Stop(int node) {
    cluster.process(node).Signal(SIGTERM);
    ASSERT_EQ(cluster.process(node).WaitForEnd(kLimit), 0);
  }

  uint64_t IdOf(int node) {
    etcdserverpb::StatusResponse status;
    EXPECT_TRUE(Client(cluster.node_address(node)).MemberStatus(kLimit, &status).ok());
    return status.header().member_id();
  }

  std::string ValueAt(int node) {
    etcdserverpb::RangeResponse response;
    const grpc::Status status =
        Client(cluster.node_address(node)).Get("k", Read::kSerializable, kLimit, &response);
    return status.ok() && response.kvs_size() == 1 ? response.kvs(0).value() : "";
  }

  // The members that the alarm CORRUPT names.
  std::vector<uint64_t> Named() {
    etcdserverpb::AlarmResponse response;
    EXPECT_TRUE(
        client.Alarm(etcdserverpb::AlarmRequest::GET, 0, etcdserverpb::CORRUPT, kLimit, &response)
            .ok());
    std::vector<uint64_t> members;
    for (const auto& alarm : response.alarms()) members.push_back(alarm.memberid());
    return members;
  }

  // How often all members were compared and found equal.
  size_t Comparisons() {
    size_t count = 0;
    for (int node = 1; node <= cluster.size(); ++node) {
      const std::string log = cluster.LogOf(node);
      for (size_t at = 0; (at = log.find("no difference found members=3", at)) != log.npos; ++at) {
        ++count;
      }
    }
    return count;
  }

  Cluster cluster{{.node_flags = {"--corrupt-check-time=200ms"}}};
  Client client{cluster.front_door()};
};

TEST_F(CorruptionTest, AMemberWithAWrongValueIsNamedAndMended) {
  ASSERT_TRUE(client.Put("k", "right", kLimit).ok());
  ASSERT_TRUE(cluster.AwaitEqualRevisions(kLimit));
  ASSERT_TRUE(testing::Await(kLimit, [&] { return Comparisons() > 0; }));
  const uint64_t wrong = IdOf(kWrong);
  ASSERT_NO_FATAL_FAILURE(Stop(kWrong));
  ASSERT_NO_FATAL_FAILURE(testing::WriteWrongValue(cluster.data_dir(kWrong) + "/state", "k"));
  cluster.StartNode(kWrong);

  ASSERT_TRUE(testing::Await(kLimit, [&] { return !Named().empty(); }));
  EXPECT_THAT(Named(), ElementsAre(wrong));
  EXPECT_EQ(ValueAt(kWrong), "wrong");
  const grpc::Status refused = client.Put("k", "new", kLimit);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(refused.error_message(), "etcdserver: corrupt cluster");

  ASSERT_NO_FATAL_FAILURE(Stop(kWrong));
  for (const char* state : {"/state", "/state-2"}) {
    std::filesystem::remove_all(cluster.data_dir(kWrong) + state);
  }
  cluster.StartNode(kWrong);
  ASSERT_TRUE(testing::Await(kLimit, [&] { return ValueAt(kWrong) == "right"; }));
  etcdserverpb::AlarmResponse disarmed;
  ASSERT_TRUE(client
                  .Alarm(etcdserverpb::AlarmRequest::DEACTIVATE, wrong, etcdserverpb::CORRUPT,
                         kLimit, &disarmed)
                  .ok());
  EXPECT_TRUE(client.Put("k", "new", kLimit).ok());
  const size_t before = Comparisons();
  EXPECT_TRUE(testing::Await(kLimit, [&] { return Comparisons() > before; }));
  EXPECT_THAT(Named(), IsEmpty());
}

}  // namespace
}  // namespace synod::e2e
