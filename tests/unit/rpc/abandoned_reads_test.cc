// Reads that nobody waits for any more, and reads that wait for others: a few long ranges must not
// cost a node its time, nor keep single keys waiting.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <future>
#include <string>
#include <utility>

#include "etcd/kv.grpc.pb.h"
#include "tests/support/await.h"
#include "tests/unit/rpc/served_kv.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;
using grpc::StatusCode;

class CountingObserver final : public CallObserver {
 public:
  void Started(Method) override { ++started; }
  void Finished(Method, absl::StatusCode, absl::Duration) override {}
  std::atomic<int> started = 0;
};

class AbandonedReadsTest : public ::testing::Test {
 protected:
  // A range under way, or a transaction of one.
  struct Call {
    explicit Call(absl::Duration timeout) : context(timeout) {}

    Context context;
    pb::RangeResponse range;
    pb::TxnResponse txn;
    std::promise<grpc::Status> done;
  };

  ClientServerOptions Options() {
    ClientServerOptions options;
    options.read_threads = 1;
    options.request_timeout = absl::Minutes(5);
    options.observer = &observer;
    return options;
  }

  static pb::RangeRequest All(bool serializable) {
    pb::RangeRequest request;
    request.set_key("a");
    request.set_range_end("z");
    request.set_serializable(serializable);
    return request;
  }

  Call& StartRange(bool serializable, absl::Duration timeout = absl::Seconds(60)) {
    Call& call = calls.emplace_back(timeout);
    ranges.push_back(All(serializable));
    kv->async()->Range(&call.context, &ranges.back(), &call.range,
                       [&](grpc::Status status) { call.done.set_value(std::move(status)); });
    return call;
  }

  Call& StartTxn() {
    Call& call = calls.emplace_back(absl::Seconds(60));
    *txns.emplace_back().add_success()->mutable_request_range() = All(false);
    kv->async()->Txn(&call.context, &txns.back(), &call.txn,
                     [&](grpc::Status status) { call.done.set_value(std::move(status)); });
    return call;
  }

  std::string GetOne(bool serializable) {
    Context context;
    pb::RangeRequest request;
    request.set_key("a");
    request.set_serializable(serializable);
    pb::RangeResponse response;
    return Text(kv->Range(&context, request, &response));
  }

  CountingObserver observer;
  ServedNode served{Options()};
  std::unique_ptr<pb::KV::Stub> kv = pb::KV::NewStub(served.channel);
  std::deque<Call> calls;
  std::deque<pb::RangeRequest> ranges;
  std::deque<pb::TxnRequest> txns;
};

TEST_F(AbandonedReadsTest, ACancelledWalkEnds) {
  served.node.HoldRanges(true);
  for (const bool txn : {false, true}) {
    Call& first = txn ? StartTxn() : StartRange(/*serializable=*/false);
    ASSERT_TRUE(served.node.AwaitHeldRanges(1));
    const size_t begun = served.node.ranges_begun();
    Call& second = StartRange(/*serializable=*/false);  // has the only thread when the first ends
    first.context.TryCancel();
    EXPECT_EQ(first.done.get_future().get().error_code(), StatusCode::CANCELLED);
    EXPECT_TRUE(
        testing::Await(absl::Seconds(20), [&] { return served.node.ranges_begun() == begun + 1; }));
    second.context.TryCancel();
    second.done.get_future().wait();
  }
}

TEST_F(AbandonedReadsTest, AWalkEndsAtItsDeadline) {
  served.node.HoldRanges(true);
  EXPECT_EQ(Text(StartRange(/*serializable=*/false, absl::Seconds(1)).done.get_future().get()),
            "14 etcdserver: request timed out");
}

// The node's part is done by then; only the client can say that it waits no more.
TEST_F(AbandonedReadsTest, AWalkOutlivesTheRequestTimeout) {
  served.node.HoldRanges(true);
  Call& held = StartRange(/*serializable=*/true, absl::Hours(1));
  ASSERT_TRUE(served.node.AwaitHeldRanges(1));
  Call& queued = StartRange(/*serializable=*/true, absl::Hours(1));
  ASSERT_TRUE(testing::Await(absl::Seconds(20), [&] { return observer.started == 2; }));
  served.node.Advance(absl::Seconds(50));
  served.node.HoldRanges(false);
  EXPECT_EQ(Text(held.done.get_future().get()), "OK");
  EXPECT_EQ(Text(queued.done.get_future().get()), "OK");
}

TEST_F(AbandonedReadsTest, NoReadIsBegunAMinuteLate) {
  served.node.HoldRanges(true);
  StartRange(/*serializable=*/true, absl::Hours(1));
  ASSERT_TRUE(served.node.AwaitHeldRanges(1));
  Call& queued = StartRange(/*serializable=*/true, absl::Hours(1));
  ASSERT_TRUE(testing::Await(absl::Seconds(20), [&] { return observer.started == 2; }));
  served.node.Advance(absl::Seconds(61));
  served.node.HoldRanges(false);
  EXPECT_EQ(Text(queued.done.get_future().get()), "14 etcdserver: request timed out");
}

TEST_F(AbandonedReadsTest, WhatWasAwaitedTooLongIsNeverRead) {
  constexpr int kLate = 50;
  constexpr absl::Duration kPatience = absl::Seconds(1);
  served.node.HoldRanges(true);
  Call& first = StartRange(/*serializable=*/false);
  ASSERT_TRUE(served.node.AwaitHeldRanges(1));
  const absl::Duration patient = served.node.last_deadline();
  for (int i = 0; i < kLate; ++i) StartRange(/*serializable=*/i % 2 == 0, kPatience);
  for (int i = 1; i <= kLate; ++i) {
    EXPECT_FALSE(calls[static_cast<size_t>(i)].done.get_future().get().ok());
  }
  ASSERT_TRUE(testing::Await(absl::Seconds(20), [&] { return observer.started == 1 + kLate; }));
  ASSERT_EQ(served.node.last_deadline(), patient);
  const absl::Duration late = served.node.Now() + kPatience;
  ASSERT_TRUE(testing::Await(absl::Seconds(20), [&] { return served.node.Now() > late; }));
  served.node.HoldRanges(false);
  EXPECT_EQ(Text(first.done.get_future().get()), "OK");
  EXPECT_EQ(Text(StartRange(/*serializable=*/false).done.get_future().get()), "OK");
  EXPECT_EQ(served.node.ranges_begun(), 2u);
}

TEST_F(AbandonedReadsTest, SingleKeysPassRangesAndRangesAreFew) {
  served.node.HoldRanges(true);
  for (const bool serializable : {true, false, true, true, false}) StartRange(serializable);
  ASSERT_TRUE(testing::Await(absl::Seconds(20), [&] { return observer.started == 5; }));
  EXPECT_EQ(GetOne(/*serializable=*/false), "OK");
  EXPECT_EQ(GetOne(/*serializable=*/true), "OK");
  ASSERT_TRUE(served.node.AwaitHeldRanges(1));
  EXPECT_EQ(served.node.ranges_begun(), 1u);
  served.node.HoldRanges(false);
  for (Call& call : calls) EXPECT_EQ(Text(call.done.get_future().get()), "OK");
}

}  // namespace
}  // namespace synod::rpc
