// Whole clusters in one process: real core, log, engine, transport and clock; ports picked free.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "services/node/node.h"

namespace synod::node {
namespace {

constexpr absl::Duration kLong = absl::Seconds(20);

// A port that was free a moment ago.
uint16_t FreePort() {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(descriptor, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
  close(descriptor);
  return ntohs(address.sin_port);
}

struct Write {
  rpc::Failure failure = rpc::Failure::kNone;
  kv::Result result;
};

class ClusterTest : public ::testing::Test {
 protected:
  ClusterTest() : log_(QuietLog(), &clock_) {
    std::string pattern = ::testing::TempDir() + "synod_cluster_XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }

  ~ClusterTest() override {
    nodes_.clear();
    std::filesystem::remove_all(dir_);
  }

  void Define(size_t size) {
    std::string cluster;
    for (size_t i = 0; i < size; ++i) {
      absl::StrAppend(&cluster, i == 0 ? "" : ",", "n", i, "=http://127.0.0.1:", FreePort());
    }
    const auto members = *ParseCluster(cluster);
    for (size_t i = 0; i < size; ++i) {
      NodeOptions options;
      options.name = members[i].name;
      options.data_dir = absl::StrCat(dir_, "/", options.name);
      options.listen_peer_url = members[i].peer_urls[0];
      options.initial_cluster = members;
      options.heartbeat_interval = absl::Milliseconds(40);
      options.election_timeout = absl::Milliseconds(400);
      options_.push_back(options);
    }
    nodes_.resize(size);
  }

  void Start(size_t i) {
    auto node = Node::Start(options_[i], &log_, &clock_,
                            [](absl::string_view doing, const absl::Status& why) {
                              ADD_FAILURE() << doing << ": " << why;
                            });
    ASSERT_TRUE(node.ok()) << node.status();
    nodes_[i] = *std::move(node);
  }

  // Returns when every node can be read through.
  void StartAll() {
    for (size_t i = 0; i < nodes_.size(); ++i) ASSERT_NO_FATAL_FAILURE(Start(i));
    for (size_t i = 0; i < nodes_.size(); ++i) AwaitReader(i);
  }

  // On a busy machine the last node may start after the first has lost patience.
  void AwaitReader(size_t i) {
    const absl::Duration until = clock_.Monotonic() + kLong;
    rpc::Failure failure = rpc::Failure::kNoLeader;
    while (failure != rpc::Failure::kNone && clock_.Monotonic() < until) {
      failure = AwaitReadable(i);
    }
    EXPECT_EQ(failure, rpc::Failure::kNone);
  }

  Write Put(size_t i, const std::string& key, const std::string& value,
            absl::Duration timeout = kLong) {
    kv::PutRequest put;
    put.key = key;
    put.value = value;
    Write write;
    absl::Notification done;
    nodes_[i]->Propose(put, nodes_[i]->Now() + timeout, [&](rpc::ProposeOutcome outcome) {
      write = {outcome.failure, std::move(outcome.result)};
      done.Notify();
    });
    done.WaitForNotification();
    return write;
  }

  // As clients do: until it is known to have happened. An election on a busy machine may get in the
  // way of any one try.
  kv::Revision MustPut(size_t i, const std::string& key, const std::string& value) {
    const absl::Duration until = clock_.Monotonic() + kLong;
    Write write;
    do {
      write = Put(i, key, value);
    } while (write.failure != rpc::Failure::kNone && clock_.Monotonic() < until);
    EXPECT_EQ(write.failure, rpc::Failure::kNone);
    return write.result.revision;
  }

  rpc::Failure AwaitReadable(size_t i, absl::Duration timeout = kLong) {
    rpc::Failure answer = rpc::Failure::kNone;
    absl::Notification done;
    nodes_[i]->AwaitReadable(nodes_[i]->Now() + timeout, [&](rpc::Failure failure) {
      answer = failure;
      done.Notify();
    });
    done.WaitForNotification();
    return answer;
  }

  // The value at a node; "<absent>" when it has none.
  std::string LocalGet(size_t i, const std::string& key) {
    kv::RangeRequest range;
    range.key = key;
    const auto result = nodes_[i]->View()->Range(range);
    EXPECT_EQ(result.error, kv::Error::kNone);
    return result.response.kvs.empty() ? "<absent>" : result.response.kvs[0].value;
  }

  std::string Get(size_t i, const std::string& key) {
    AwaitReader(i);
    return LocalGet(i, key);
  }

  // Waits for a leader that serves, as the node itself sees it.
  size_t Leader() {
    for (;;) {
      MustPut(FirstUp(), "leader-probe", "x");
      for (size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i] != nullptr && nodes_[i]->Status().leading) return i;
      }
    }
  }

  size_t FirstUp() {
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i] != nullptr) return i;
    }
    return 0;
  }

  static LogOptions QuietLog() {
    LogOptions options;
    options.level = LogLevel::kError;
    return options;
  }

  SystemClock clock_;
  Log log_;
  std::string dir_;
  std::vector<NodeOptions> options_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

TEST_F(ClusterTest, EveryNodeTakesWritesAndServesLinearizableReads) {
  Define(3);
  StartAll();
  kv::Revision last = 1;
  for (size_t writer = 0; writer < 3; ++writer) {
    const std::string value = absl::StrCat("by ", writer);
    const kv::Revision revision = MustPut(writer, "key", value);
    EXPECT_GT(revision, std::exchange(last, revision));
    for (size_t reader = 0; reader < 3; ++reader) EXPECT_EQ(Get(reader, "key"), value);
  }
}

TEST_F(ClusterTest, MembersLearnWhereTheOthersServeClients) {
  Define(3);
  for (size_t i = 0; i < 3; ++i) {
    options_[i].advertise_client_urls = *ParseUrlList(absl::StrCat("http://clients-of-n", i, ":1"));
  }
  StartAll();
  // An introduction comes before the first message of a peer: who has heard a leader knows it.
  MustPut(0, "key", "value");
  const rpc::NodeStatus status = nodes_[0]->Status();
  for (const rpc::Member& member : status.members) {
    if (member.id != status.leader) continue;
    EXPECT_THAT(member.client_urls,
                ::testing::ElementsAre(absl::StrCat("http://clients-of-", member.name, ":1")));
  }
}

TEST_F(ClusterTest, SingleNodeIsAClusterToo) {
  Define(1);
  StartAll();
  EXPECT_EQ(MustPut(0, "key", "value"), 2);
  EXPECT_EQ(Get(0, "key"), "value");
}

TEST_F(ClusterTest, WritesGoOnWhenTheLeaderStops) {
  Define(3);
  StartAll();
  const size_t leader = Leader();
  MustPut(leader, "before", "1");
  nodes_[leader].reset();
  const size_t survivor = FirstUp();
  MustPut(survivor, "after", "2");
  for (size_t i = 0; i < 3; ++i) {
    if (nodes_[i] == nullptr) continue;
    EXPECT_EQ(Get(i, "before"), "1");
    EXPECT_EQ(Get(i, "after"), "2");
  }
}

TEST_F(ClusterTest, StoppedNodeCatchesUp) {
  Define(3);
  StartAll();
  const size_t leader = Leader();
  const size_t away = (leader + 1) % 3;
  nodes_[away].reset();
  for (int i = 0; i < 50; ++i) {
    MustPut(leader, absl::StrCat("k", i), "v");
  }
  Start(away);
  EXPECT_EQ(Get(away, "k49"), "v");
  EXPECT_EQ(Get(away, "k0"), "v");
}

TEST_F(ClusterTest, RestartOfAllKeepsEverythingAcknowledged) {
  Define(3);
  StartAll();
  for (int i = 0; i < 20; ++i) {
    MustPut(i % 3, absl::StrCat("k", i), absl::StrCat(i));
  }
  Get(0, "k19");
  const kv::Revision revision = nodes_[0]->View()->revision();
  for (auto& node : nodes_) node.reset();
  StartAll();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Get(i % 3, absl::StrCat("k", i)), absl::StrCat(i));
  EXPECT_EQ(nodes_[0]->View()->revision(), revision);
  EXPECT_GT(MustPut(1, "more", "x"), revision);
}

TEST_F(ClusterTest, WithoutAQuorumWritesAndLinearizableReadsFailAndLocalReadsAnswer) {
  Define(3);
  StartAll();
  MustPut(0, "key", "value");
  ASSERT_EQ(Get(2, "key"), "value");
  nodes_[0].reset();
  nodes_[1].reset();
  // The first may find a leader that has not noticed yet; its outcome is unknown then.
  const rpc::Failure first = Put(2, "key", "lost").failure;
  EXPECT_TRUE(first == rpc::Failure::kNoLeader || first == rpc::Failure::kTimeoutLeaderFailed)
      << static_cast<int>(first);
  EXPECT_EQ(AwaitReadable(2), rpc::Failure::kNoLeader);
  EXPECT_EQ(Put(2, "key", "lost").failure, rpc::Failure::kNoLeader);
  EXPECT_EQ(LocalGet(2, "key"), "value");
  EXPECT_FALSE(nodes_[2]->Status().leader);
}

TEST_F(ClusterTest, DeadlineIsKeptWhileThereIsNoLeader) {
  Define(3);
  options_[0].election_timeout = absl::Seconds(40);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  EXPECT_EQ(Put(0, "key", "value", absl::Milliseconds(50)).failure, rpc::Failure::kTimeout);
  EXPECT_EQ(AwaitReadable(0, absl::Milliseconds(50)), rpc::Failure::kTimeout);
}

TEST_F(ClusterTest, SubscribersHearOfTheLeaderAndNotAfterTheyLeft) {
  Define(1);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  auto heard = std::make_shared<absl::Notification>();
  std::shared_ptr<void> handle = nodes_[0]->Subscribe([heard, node = nodes_[0].get()] {
    if (node->Status().leading && !heard->HasBeenNotified()) heard->Notify();
  });
  if (!nodes_[0]->Status().leading) {
    EXPECT_TRUE(heard->WaitForNotificationWithTimeout(kLong));
  }
  handle.reset();
  EXPECT_EQ(heard.use_count(), 1) << "the callback is gone with its handle";
}

TEST_F(ClusterTest, DirectoryOfAnotherMemberIsRefused) {
  Define(3);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  const auto in_use = Node::Start(options_[0], &log_, &clock_, nullptr);
  EXPECT_THAT(std::string(in_use.status().message()), ::testing::HasSubstr("another process"));
  nodes_[0].reset();
  NodeOptions other = options_[1];
  other.data_dir = options_[0].data_dir;
  EXPECT_EQ(Node::Start(other, &log_, &clock_, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
  NodeOptions elsewhere = options_[0];
  elsewhere.initial_cluster_token = "another";
  EXPECT_EQ(Node::Start(elsewhere, &log_, &clock_, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
  Start(0);
}

TEST_F(ClusterTest, ExistingMemberNeedsItsData) {
  Define(1);
  options_[0].join_existing = true;
  EXPECT_EQ(Node::Start(options_[0], &log_, &clock_, nullptr).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(std::filesystem::exists(options_[0].data_dir)) << "nothing is touched";
  options_[0].join_existing = false;
  ASSERT_NO_FATAL_FAILURE(Start(0));
  nodes_[0].reset();
  options_[0].join_existing = true;
  Start(0);
}

TEST_F(ClusterTest, PeerPortInUseIsAnErrorThatNamesIt) {
  Define(1);
  ASSERT_NO_FATAL_FAILURE(Start(0));
  NodeOptions second = options_[0];
  second.data_dir += "-second";
  const auto started = Node::Start(second, &log_, &clock_, nullptr);
  EXPECT_EQ(started.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(started.status().message()),
              ::testing::HasSubstr(second.listen_peer_url.address.ToString()));
}

}  // namespace
}  // namespace synod::node
