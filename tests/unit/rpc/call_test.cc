// What all unary calls have in common: failures, deadlines, metadata, cancelling, counting.
#include "services/rpc/call.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <vector>

#include "etcd/kv.grpc.pb.h"
#include "tests/unit/rpc/served_kv.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;
using grpc::StatusCode;

using CallTest = ServedKv;

TEST_F(CallTest, FailuresOfTheNodeAreUnavailableWithTheReason) {
  const std::pair<Failure, const char*> cases[] = {
      {Failure::kNoLeader, "14 etcdserver: no leader"},
      {Failure::kTimeout, "14 etcdserver: request timed out"},
      {Failure::kTimeoutLeaderFailed,
       "14 etcdserver: request timed out, possibly due to previous leader failure"},
      {Failure::kOverloaded, "8 etcdserver: too many requests"},
      {Failure::kStopped, "14 etcdserver: server stopped"},
  };
  for (const auto& [failure, text] : cases) {
    served.node.FailWith(failure);
    EXPECT_EQ(Text(Put("a", "1")), text);
    EXPECT_EQ(Text(Range(Key("a"))), text);
    EXPECT_EQ(Text(Range(Key("a", /*serializable=*/true))), "OK");
  }
  served.node.FailWith(Failure::kTimeout);
  served.node.SetQuorumContactAge(absl::Seconds(10));
  EXPECT_EQ(Text(Put("a", "1")),
            "14 etcdserver: request timed out, possibly due to connection lost");
}

TEST_F(CallTest, AnswersWithinItsOwnTimeout) {
  served.node.Stall(true);
  EXPECT_EQ(Text(Put("a", "1")), "14 etcdserver: request timed out");
  EXPECT_LE(served.node.last_budget(), absl::Milliseconds(300));
}

TEST(CallDeadlineTest, AnswersBeforeTheDeadlineOfTheClient) {
  ServedNode served;
  auto kv = pb::KV::NewStub(served.channel);
  served.node.Stall(true);
  for (const bool write : {true, false}) {
    Context context(absl::Seconds(1));
    pb::PutRequest put;
    put.set_key("a");
    pb::PutResponse put_response;
    pb::RangeRequest range;
    range.set_key("a");
    pb::RangeResponse range_response;
    EXPECT_EQ(Text(write ? kv->Put(&context, put, &put_response)
                         : kv->Range(&context, range, &range_response)),
              "14 etcdserver: request timed out");
    EXPECT_LE(served.node.last_budget(), absl::Milliseconds(950));
  }
}

TEST_F(CallTest, HasLeaderMetadataFailsFastWithoutALeader) {
  const auto put = [&](bool has_leader) {
    Context context;
    if (has_leader) context.AddMetadata("hasleader", "true");
    context.AddMetadata("client-api-version", "3.6.0");
    pb::PutRequest request;
    request.set_key("a");
    pb::PutResponse response;
    return Text(kv->Put(&context, request, &response));
  };
  EXPECT_EQ(put(true), "OK");
  served.node.SetLeader(NodeId());
  EXPECT_EQ(put(true), "14 etcdserver: no leader");
  EXPECT_EQ(put(false), "OK");  // the node knows better by the time it proposes
}

TEST_F(CallTest, MinRevisionIsAwaitedOrRefused) {
  const auto range = [&](const char* min_revision, bool serializable) {
    Context context;
    context.AddMetadata("synod-min-revision", min_revision);
    pb::RangeResponse response;
    return kv->Range(&context, Key("a", serializable), &response);
  };
  ASSERT_TRUE(Put("a", "1").ok());
  EXPECT_EQ(Text(range("2", true)), "OK");
  // Not reached: waits for a linearizable view, during which the write arrives.
  served.node.Stall(true);
  auto waiting = std::async(std::launch::async, [&] { return Text(range("3", true)); });
  ASSERT_TRUE(served.node.AwaitStalled(1));
  served.node.Apply(kv::PutRequest{.key = "a"});
  served.node.Stall(false);
  EXPECT_EQ(waiting.get(), "OK");
  // Not in the future of the whole cluster either.
  const grpc::Status refused = range("4", true);
  EXPECT_EQ(refused.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_NE(refused.error_message().find("the store is at 3"), std::string::npos)
      << refused.error_message();
  EXPECT_EQ(range("four", true).error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(CallTest, ACancelledCallDoesNoHarm) {
  served.node.Stall(true);
  constexpr int kCalls = 50;
  {
    grpc::ClientContext contexts[kCalls];
    pb::PutResponse put_responses[kCalls];
    pb::RangeResponse range_responses[kCalls];
    std::vector<std::promise<grpc::Status>> done(kCalls);
    pb::PutRequest put;
    put.set_key("a");
    const pb::RangeRequest range = Key("a");
    for (int i = 0; i < kCalls; ++i) {
      const auto finish = [&promise = done[i]](grpc::Status status) { promise.set_value(status); };
      if (i % 2 == 0) {
        kv->async()->Put(&contexts[i], &put, &put_responses[i], finish);
      } else {
        kv->async()->Range(&contexts[i], &range, &range_responses[i], finish);
      }
    }
    ASSERT_TRUE(served.node.AwaitStalled(kCalls));
    for (grpc::ClientContext& context : contexts) context.TryCancel();
    for (auto& one : done) {
      EXPECT_EQ(one.get_future().get().error_code(), StatusCode::CANCELLED);
    }
  }
  served.node.Stall(false);
  EXPECT_EQ(Text(Put("b", "1")), "OK");
  served.server.reset();  // waits for every call
}

class Counter final : public CallObserver {
 public:
  void Started(Method) override { ++started; }
  void Finished(Method method, absl::StatusCode code, absl::Duration latency) override {
    absl::MutexLock lock(&mutex);
    ++finished[{method, code}];
    EXPECT_GE(latency, absl::ZeroDuration());
  }
  std::atomic<int> started = 0;
  absl::Mutex mutex;
  std::map<std::pair<Method, absl::StatusCode>, int> finished ABSL_GUARDED_BY(mutex);
};

TEST(CallObserverTest, CountsEveryCallWithItsCode) {
  Counter counter;
  ClientServerOptions options;
  options.observer = &counter;
  ServedNode served(options);
  auto kv = pb::KV::NewStub(served.channel);
  for (const char* key : {"a", "b", ""}) {
    Context context;
    pb::PutRequest request;
    request.set_key(key);
    pb::PutResponse response;
    kv->Put(&context, request, &response);
  }
  EXPECT_EQ(counter.started, 3);
  absl::MutexLock lock(&counter.mutex);
  EXPECT_EQ((counter.finished[{Method::kPut, absl::StatusCode::kOk}]), 2);
  EXPECT_EQ((counter.finished[{Method::kPut, absl::StatusCode::kInvalidArgument}]), 1);
}

}  // namespace
}  // namespace synod::rpc
