// Clusters of real processes that grow, shrink, lose disks and find damage on them, under load.
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpc/reflection/v1/reflection.grpc.pb.h"
#include "gtest/gtest.h"
#include "tests/e2e/client.h"
#include "tests/e2e/cluster.h"
#include "tests/e2e/write_load.h"
#include "tests/support/await.h"
#include "tests/support/process.h"
#include "tests/support/tcp_ports.h"
#include "tests/support/temp_dir.h"

namespace synod::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWriters = 4;
constexpr size_t kWrites = 200;
constexpr absl::Duration kLimit = absl::Seconds(30);

// What an election may cost: README.md promises two seconds.
constexpr absl::Duration kElection = absl::Seconds(2);

TEST(ReconfigurationTest, GrowsFromOneToFiveAndBackToThreeUnderLoad) {
  Cluster cluster({.nodes = 1});
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  const absl::Time begin = absl::Now();
  for (int size = 2; size <= 5; ++size) {
    ASSERT_EQ(cluster.Grow(kLimit), size);
    ASSERT_TRUE(load.AwaitMore(kWrites, kLimit)) << "with " << size << " members";
  }
  // The founder and whoever leads among the rest go.
  ASSERT_TRUE(cluster.Remove(1, kLimit));
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  const int leader = cluster.Leader();
  ASSERT_NE(leader, 0);
  ASSERT_TRUE(cluster.Remove(leader, kLimit));
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  load.Stop();

  const absl::Duration longest = load.LongestPause(begin);
  std::cout << "longest that a writer had to wait: "
            << absl::FormatDuration(absl::Trunc(longest, absl::Milliseconds(1))) << std::endl;
  EXPECT_LT(longest, kElection);
  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
  EXPECT_TRUE(cluster.AwaitEqualRevisions(kLimit));
}

// A signal that changes nothing, then the removal while calls under way may still finish.
TEST(ReconfigurationTest, ANodeThatIsRemovedWhileItStopsEndsInOrder) {
  Cluster cluster({});
  Client client(cluster.front_door());
  const int node = cluster.Leader() == 3 ? 2 : 3;
  etcdserverpb::StatusResponse status;
  ASSERT_TRUE(Client(cluster.node_address(node)).MemberStatus(kLimit, &status).ok());
  const uint64_t id = status.header().member_id();
  // Once this is allowed, all connections have held for long enough, and so is a removal.
  etcdserverpb::MemberAddResponse added;
  ASSERT_TRUE(testing::Await(
      kLimit, [&] { return client.MemberAdd("http://127.0.0.1:1", kLimit, &added).ok(); }));

  grpc::ClientContext context;
  const auto reflection = grpc::reflection::v1::ServerReflection::NewStub(
      grpc::CreateChannel(cluster.node_address(node), grpc::InsecureChannelCredentials()));
  const auto under_way = reflection->ServerReflectionInfo(&context);
  grpc::reflection::v1::ServerReflectionRequest request;
  request.set_list_services("*");
  grpc::reflection::v1::ServerReflectionResponse response;
  ASSERT_TRUE(under_way->Write(request) && under_way->Read(&response));

  const auto has_logged = [&](const char* text) {
    return testing::Await(kLimit,
                          [&] { return cluster.LogOf(node).find(text) != std::string::npos; });
  };
  cluster.process(node).Signal(SIGHUP);
  ASSERT_TRUE(has_logged("SIGHUP changes nothing"));
  cluster.process(node).Signal(SIGTERM);
  ASSERT_TRUE(has_logged("stopping"));
  EXPECT_TRUE(client.MemberRemove(id, kLimit).ok());
  EXPECT_EQ(cluster.process(node).WaitForEnd(kLimit), 0);
  EXPECT_THAT(cluster.LogOf(node), HasSubstr("stopped"));
}

TEST(ReconfigurationTest, ANodeThatFindsNobodyToJoinStopsWhenTold) {
  const testing::TempDir directory;
  const std::vector<int> ports = testing::FreePorts(3);
  const auto url = [&](int i) { return "http://" + testing::Loopback(ports[i]); };
  const std::string log = directory.path() + "/log";
  testing::Process node(
      {.argv = {Program("synod-node"), "--name=n2", "--data-dir=" + directory.path() + "/n2",
                "--listen-client-urls=" + url(0), "--listen-peer-urls=" + url(1),
                "--initial-cluster=n1=" + url(2) + ",n2=" + url(1),
                "--initial-cluster-state=existing"}},
      log);
  ASSERT_TRUE(testing::Await(
      kLimit, [&] { return absl::StrContains(testing::ReadFile(log), "starting"); }));
  node.Signal(SIGTERM);
  EXPECT_EQ(node.WaitForEnd(absl::Seconds(5)), 0);  // it would ask for 20 s
  EXPECT_FALSE(fs::exists(directory.path() + "/n2"));
}

TEST(ReconfigurationTest, AWipedDiskRefusesToVoteAndTheMemberIsReplaced) {
  Cluster cluster({});
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  etcdserverpb::StatusResponse status;
  ASSERT_TRUE(Client(cluster.node_address(2)).MemberStatus(kLimit, &status).ok());
  cluster.KillNode(2);
  fs::remove_all(cluster.data_dir(2));
  cluster.StartNode(2);
  const auto code = cluster.process(2).WaitForEnd(kLimit);
  ASSERT_TRUE(code.has_value());
  EXPECT_NE(*code, 0);
  EXPECT_THAT(cluster.LogOf(2), HasSubstr("member remove"));

  const uint64_t lost = status.header().member_id();
  ASSERT_TRUE(testing::Await(
      kLimit, [&] { return Client(cluster.front_door()).MemberRemove(lost, kLimit).ok(); }));
  EXPECT_EQ(cluster.Grow(kLimit), 4);
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  load.Stop();
  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
}

// --- damage done by hand while the node is down --------------------------------------------------

std::vector<fs::path> Files(const std::string& dir, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

void FlipBit(const fs::path& file, std::streamoff offset) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(offset);
  const int byte = stream.get();
  stream.seekp(offset);
  stream.put(static_cast<char>(byte ^ 1));
}

// Where the file holds this text first.
std::streamoff PlaceOf(const std::string& text, const fs::path& file) {
  const size_t place = testing::ReadFile(file).find(text);
  EXPECT_NE(place, std::string::npos) << file;
  return static_cast<std::streamoff>(place);
}

struct DamageCase {
  const char* name;
  void (*damage)(const std::string& data_dir);
  const char* says;      // the node about what it found
  bool refuses = false;  // and stops; otherwise it repairs itself
};

class DamageTest : public ::testing::TestWithParam<DamageCase> {};

TEST_P(DamageTest, RepairsItselfOrRefusesAndTheClusterIsWhole) {
  Cluster cluster({});
  WriteLoad load(cluster.front_door(), kWriters);
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  cluster.KillNode(2);
  GetParam().damage(cluster.data_dir(2));
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  cluster.StartNode(2);
  if (GetParam().refuses) {
    const auto code = cluster.process(2).WaitForEnd(kLimit);
    ASSERT_TRUE(code.has_value()) << cluster.LogOf(2);
    EXPECT_NE(*code, 0);
    EXPECT_THAT(cluster.LogOf(2), HasSubstr("synod-node: "));
  }
  ASSERT_TRUE(load.AwaitMore(kWrites, kLimit));
  load.Stop();
  EXPECT_THAT(load.Faults(cluster.front_door()), IsEmpty());
  if (!GetParam().refuses) {
    EXPECT_TRUE(cluster.AwaitEqualRevisions(kLimit)) << cluster.LogOf(2);
  }
  EXPECT_THAT(cluster.LogOf(2), HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    ByHand, DamageTest,
    ::testing::Values(
        DamageCase{"OneBitInAnEntry",
                   [](const std::string& dir) {
                     const fs::path file = Files(dir + "/log", ".log").front();
                     FlipBit(file, PlaceOf("value of written/", file));
                   },
                   "the value does not match its checksum"},
        DamageCase{"OneBitInOneCopyOfThePromises",
                   [](const std::string& dir) { FlipBit(dir + "/log/manifest-a", 40); },
                   "recovered"},
        DamageCase{"OneBitInBothCopiesOfThePromises",
                   [](const std::string& dir) {
                     FlipBit(dir + "/log/manifest-a", 40);
                     FlipBit(dir + "/log/manifest-b", 40);
                   },
                   "both copies of this node's promises are damaged", true},
        DamageCase{"AFileOfTheLogCutShort",
                   [](const std::string& dir) {
                     fs::resize_file(Files(dir + "/log", ".log").front(), 8192);
                   },
                   "the file has 8192 bytes"},
        DamageCase{"AFileOfTheLogGone",
                   [](const std::string& dir) { fs::remove(Files(dir + "/log", ".log").front()); },
                   "the file is missing"},
        DamageCase{"TheLogGone", [](const std::string& dir) { fs::remove_all(dir + "/log"); },
                   "log/ is gone", true},
        DamageCase{"TheStateGone", [](const std::string& dir) { fs::remove_all(dir + "/state"); },
                   "recovered"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace synod::e2e
