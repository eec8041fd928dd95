// Whole clusters in one process: real core, log, engine, transport and clock; ports picked free.
#ifndef SYNOD_TESTS_UNIT_NODE_TEST_CLUSTER_H_
#define SYNOD_TESTS_UNIT_NODE_TEST_CLUSTER_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "services/node/node.h"
#include "tests/support/await.h"
#include "tests/support/tcp_ports.h"

namespace synod::node {

inline constexpr absl::Duration kLong = absl::Seconds(20);

// Nobody else takes it while this process runs.
inline int FreePort() {
  return testing::FreePorts(1)[0];
}

struct Write {
  rpc::Failure failure = rpc::Failure::kNone;
  kv::Result result;
};

// Nodes are numbered from 0. A node that ends by itself fails the test unless that is expected.
class ClusterTest : public ::testing::Test {
 protected:
  ClusterTest() : log_(QuietLog(), &clock_) {
    std::string pattern = ::testing::TempDir() + "synod_cluster_XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }

  ~ClusterTest() override {
    nodes_.clear();
    std::filesystem::remove_all(dir_);
    absl::MutexLock lock(&ended_mutex_);
    for (const auto& [i, why] : ended_) ADD_FAILURE() << "node " << i << " ended: " << why;
  }

  void Define(size_t size) {
    std::string cluster;
    for (size_t i = 0; i < size; ++i) {
      absl::StrAppend(&cluster, i == 0 ? "" : ",", "n", i, "=http://127.0.0.1:", FreePort());
    }
    const auto members = *ParseCluster(cluster);
    for (size_t i = 0; i < size; ++i) options_.push_back(OptionsOf(members, i));
    nodes_.resize(size);
  }

  // A node that joins those defined before.
  size_t DefineJoining() {
    std::vector<ClusterMember> members = options_.back().initial_cluster;
    members.push_back(
        (*ParseCluster(absl::StrCat("n", members.size(), "=http://127.0.0.1:", FreePort())))[0]);
    options_.push_back(OptionsOf(members, members.size() - 1));
    options_.back().join_existing = true;
    nodes_.emplace_back();
    return members.size() - 1;
  }

  NodeOptions OptionsOf(const std::vector<ClusterMember>& members, size_t i) const {
    NodeOptions options;
    options.name = members[i].name;
    options.data_dir = absl::StrCat(dir_, "/", options.name);
    options.listen_peer_url = members[i].peer_urls[0];
    options.initial_cluster = members;
    options.heartbeat_interval = absl::Milliseconds(40);
    options.election_timeout = absl::Milliseconds(400);
    return options;
  }

  std::string PeerUrl(size_t i) const { return options_[i].listen_peer_url.ToString(); }

  rpc::MemberOutcome Change(size_t i, rpc::MemberChange change, absl::Duration timeout = kLong) {
    rpc::MemberOutcome outcome;
    absl::Notification done;
    nodes_[i]->ChangeMembers(std::move(change), nodes_[i]->Now() + timeout,
                             [&](rpc::MemberOutcome result) {
                               outcome = std::move(result);
                               done.Notify();
                             });
    done.WaitForNotification();
    return outcome;
  }

  // As clients do: again while the leader cannot be sure of the members, as after an election.
  rpc::MemberOutcome ChangeWhenHealthy(size_t i, const rpc::MemberChange& change) {
    rpc::MemberOutcome outcome;
    testing::Await(kLong, [&] {
      outcome = Change(i, change);
      return outcome.refusal != rpc::MemberRefusal::kUnhealthy;
    });
    return outcome;
  }

  // Adds, starts and waits for the vote of one more.
  void Grow() {
    const size_t asked = FirstUp();
    const size_t joining = DefineJoining();
    const rpc::MemberOutcome outcome =
        ChangeWhenHealthy(asked, rpc::AddMember{{PeerUrl(joining)}, false});
    ASSERT_EQ(outcome.failure, rpc::Failure::kNone);
    ASSERT_EQ(outcome.refusal, rpc::MemberRefusal::kNone);
    ASSERT_NO_FATAL_FAILURE(Start(joining));
    ASSERT_TRUE(AwaitStatus(
        asked, [&](const rpc::NodeStatus& status) { return IsVoter(status, outcome.added); }));
    AwaitReader(joining);
  }

  static bool IsVoter(const rpc::NodeStatus& status, NodeId id) {
    return std::any_of(
        status.members.begin(), status.members.end(),
        [&](const rpc::Member& member) { return member.id == id && !member.learner; });
  }

  // Looked at again whenever the node says that members, leader or role may have changed.
  template <class Condition>
  bool AwaitStatus(size_t i, Condition condition) {
    struct Changes {
      absl::Mutex mutex;
      uint64_t count = 0;
    };
    const auto changes = std::make_shared<Changes>();
    const std::shared_ptr<void> subscription = nodes_[i]->Subscribe([changes] {
      absl::MutexLock lock(&changes->mutex);
      ++changes->count;
    });
    const absl::Duration until = clock_.Monotonic() + kLong;
    uint64_t seen = 0;
    while (!condition(nodes_[i]->Status())) {
      const auto changed = [&] { return changes->count != seen; };
      absl::MutexLock lock(&changes->mutex);
      if (!changes->mutex.AwaitWithTimeout(absl::Condition(&changed), until - clock_.Monotonic())) {
        return false;
      }
      seen = changes->count;
    }
    return true;
  }

  void Ended(size_t i, const absl::Status& why) {
    absl::MutexLock lock(&ended_mutex_);
    ended_[i] = why;
  }
  bool AwaitEnd(size_t i) {
    const auto has_ended = [&] { return ended_.contains(i); };
    absl::MutexLock lock(&ended_mutex_);
    return ended_mutex_.AwaitWithTimeout(absl::Condition(&has_ended), kLong);
  }
  // Why it ended, and that is expected.
  absl::Status TakeEnd(size_t i) {
    absl::MutexLock lock(&ended_mutex_);
    const absl::Status why = ended_[i];
    ended_.erase(i);
    return why;
  }

  void Start(size_t i) {
    auto node =
        Node::Start(options_[i], &log_, &clock_,
                    {[this, i](absl::string_view, const absl::Status& why) { Ended(i, why); },
                     [this, i] { Ended(i, absl::OkStatus()); }});
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
  absl::Mutex ended_mutex_;
  std::map<size_t, absl::Status> ended_ ABSL_GUARDED_BY(ended_mutex_);
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace synod::node

#endif  // SYNOD_TESTS_UNIT_NODE_TEST_CLUSTER_H_
