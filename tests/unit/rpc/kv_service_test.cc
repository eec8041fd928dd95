// Each method of etcdserverpb.KV: what reaches the state machine and how its answer comes back.
#include <gtest/gtest.h>

#include "etcd/kv.grpc.pb.h"
#include "etcd/lease.grpc.pb.h"
#include "etcd/watch.grpc.pb.h"
#include "tests/unit/rpc/served_kv.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;
using grpc::StatusCode;

using KvServiceTest = ServedKv;

TEST_F(KvServiceTest, PutThenRangeWithEveryHeaderField) {
  pb::PutResponse put;
  ASSERT_EQ(Text(Put("k", "v1", &put)), "OK");
  EXPECT_EQ(put.header().cluster_id(), 0xc1u);
  EXPECT_EQ(put.header().member_id(), 0xa1u);
  EXPECT_EQ(put.header().revision(), 2);
  EXPECT_EQ(put.header().raft_term(), 7u);
  EXPECT_FALSE(put.has_prev_kv());

  pb::PutRequest again;
  again.set_key("k");
  again.set_value("v2");
  again.set_prev_kv(true);
  ASSERT_EQ(Text(Put(again, &put)), "OK");
  EXPECT_EQ(put.prev_kv().value(), "v1");

  Context context;
  pb::RangeResponse range;
  ASSERT_EQ(Text(kv->Range(&context, Key("k"), &range)), "OK");
  ASSERT_EQ(range.kvs_size(), 1);
  EXPECT_EQ(range.kvs(0).key(), "k");
  EXPECT_EQ(range.kvs(0).value(), "v2");
  EXPECT_EQ(range.kvs(0).create_revision(), 2);
  EXPECT_EQ(range.kvs(0).mod_revision(), 3);
  EXPECT_EQ(range.kvs(0).version(), 2);
  EXPECT_EQ(range.count(), 1);
  EXPECT_EQ(range.header().revision(), 3);
  EXPECT_EQ(range.header().member_id(), 0xa1u);
  EXPECT_EQ(context.trailer("synod-member"), "n1");
  EXPECT_EQ(context.trailer("synod-revision"), "3");
}

TEST_F(KvServiceTest, RangeHonoursEveryOption) {
  for (const char* key : {"a", "b", "c", "d"}) ASSERT_TRUE(Put(key, key).ok());  // revisions 2..5
  pb::RangeRequest request = Key("a");
  request.set_range_end("z");
  request.set_limit(1);
  request.set_sort_order(pb::RangeRequest::DESCEND);
  request.set_sort_target(pb::RangeRequest::MOD);
  request.set_revision(4);
  request.set_keys_only(true);
  request.set_min_mod_revision(3);
  request.set_max_mod_revision(3);
  request.set_min_create_revision(2);
  request.set_max_create_revision(4);
  pb::RangeResponse response;
  ASSERT_EQ(Text(Range(request, &response)), "OK");
  ASSERT_EQ(response.kvs_size(), 1);
  EXPECT_EQ(response.kvs(0).key(), "b");
  EXPECT_EQ(response.kvs(0).value(), "");
  EXPECT_EQ(response.count(), 3);

  pb::RangeRequest count = Key("a");
  count.set_range_end("z");
  count.set_count_only(true);
  response.Clear();
  ASSERT_EQ(Text(Range(count, &response)), "OK");
  EXPECT_EQ(response.count(), 4);
  EXPECT_EQ(response.kvs_size(), 0);
}

TEST_F(KvServiceTest, DeleteRangeAndCompact) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("b", "2").ok());
  Context context;
  pb::DeleteRangeRequest request;
  request.set_key("a");
  request.set_range_end("z");
  request.set_prev_kv(true);
  pb::DeleteRangeResponse response;
  ASSERT_EQ(Text(kv->DeleteRange(&context, request, &response)), "OK");
  EXPECT_EQ(response.deleted(), 2);
  ASSERT_EQ(response.prev_kvs_size(), 2);
  EXPECT_EQ(response.prev_kvs(1).value(), "2");
  EXPECT_EQ(response.header().revision(), 4);

  const auto compact = [&](int64_t revision) {
    Context each;
    pb::CompactionRequest compaction;
    compaction.set_revision(revision);
    pb::CompactionResponse unused;
    return Text(kv->Compact(&each, compaction, &unused));
  };
  EXPECT_EQ(compact(3), "OK");
  EXPECT_EQ(compact(3), "11 etcdserver: mvcc: required revision has been compacted");
  EXPECT_EQ(compact(9), "11 etcdserver: mvcc: required revision is a future revision");
  pb::RangeRequest old = Key("a");
  old.set_revision(2);
  EXPECT_EQ(Text(Range(old)), "11 etcdserver: mvcc: required revision has been compacted");
}

TEST_F(KvServiceTest, TxnRunsABranchAndNumbersItsResponses) {
  ASSERT_TRUE(Put("a", "1").ok());  // revision 2
  pb::TxnRequest request;
  auto* compare = request.add_compare();
  compare->set_key("a");
  compare->set_target(pb::Compare::VALUE);
  compare->set_result(pb::Compare::EQUAL);
  compare->set_value("1");
  *request.add_success()->mutable_request_range() = Key("a");
  request.add_success()->mutable_request_put()->set_key("b");
  auto* nested = request.add_success()->mutable_request_txn();
  nested->add_success()->mutable_request_delete_range()->set_key("a");
  *request.add_success()->mutable_request_range() = Key("b");
  pb::TxnResponse response;
  ASSERT_EQ(Text(Txn(request, &response)), "OK");
  EXPECT_TRUE(response.succeeded());
  EXPECT_EQ(response.header().revision(), 3);
  EXPECT_EQ(response.header().member_id(), 0xa1u);
  ASSERT_EQ(response.responses_size(), 4);
  EXPECT_EQ(response.responses(0).response_range().header().revision(), 2);
  EXPECT_EQ(response.responses(1).response_put().header().revision(), 3);
  ASSERT_TRUE(response.responses(2).response_txn().has_header());
  EXPECT_EQ(response.responses(2).response_txn().header().revision(), 0);
  EXPECT_EQ(response.responses(2).response_txn().responses(0).response_delete_range().deleted(), 1);
  EXPECT_EQ(response.responses(3).response_range().header().revision(), 3);
  EXPECT_EQ(response.responses(3).response_range().kvs_size(), 1);
  EXPECT_EQ(response.responses(1).response_put().header().member_id(), 0u);
}

TEST_F(KvServiceTest, EveryCompareTargetReachesTheStateMachine) {
  ASSERT_TRUE(Put("a", "1").ok());
  ASSERT_TRUE(Put("a", "2").ok());  // create 2, mod 3, version 2
  const auto holds = [&](auto&& set) {
    pb::TxnRequest request;
    auto* compare = request.add_compare();
    compare->set_key("a");
    set(*compare);
    pb::TxnResponse response;
    EXPECT_EQ(Text(Txn(request, &response)), "OK");
    return response.succeeded();
  };
  const auto with = [](pb::Compare::CompareTarget target, pb::Compare::CompareResult result) {
    return [=](pb::Compare& c) {
      c.set_target(target);
      c.set_result(result);
      c.set_version(2);
      if (target == pb::Compare::CREATE) c.set_create_revision(2);
      if (target == pb::Compare::MOD) c.set_mod_revision(2);
      if (target == pb::Compare::VALUE) c.set_value("2");
      if (target == pb::Compare::LEASE) c.set_lease(0);
    };
  };
  EXPECT_TRUE(holds(with(pb::Compare::VERSION, pb::Compare::EQUAL)));
  EXPECT_TRUE(holds(with(pb::Compare::CREATE, pb::Compare::EQUAL)));
  EXPECT_TRUE(holds(with(pb::Compare::MOD, pb::Compare::GREATER)));
  EXPECT_FALSE(holds(with(pb::Compare::MOD, pb::Compare::LESS)));
  EXPECT_TRUE(holds(with(pb::Compare::VALUE, pb::Compare::EQUAL)));
  EXPECT_FALSE(holds(with(pb::Compare::LEASE, pb::Compare::NOT_EQUAL)));
  // A value for another target than the named one counts as absent.
  EXPECT_FALSE(holds([](pb::Compare& c) {
    c.set_target(pb::Compare::VERSION);
    c.set_mod_revision(2);
  }));
}

TEST_F(KvServiceTest, BadRequestsGetEtcdsWordsAndChangeNothing) {
  ASSERT_TRUE(Put("a", "1").ok());
  const auto put = [](auto&&... sets) {
    pb::PutRequest request;
    request.set_key("a");
    (sets(request), ...);
    return request;
  };
  EXPECT_EQ(Text(Put("", "v")), "3 etcdserver: key is not provided");
  EXPECT_EQ(Text(Put(put([](auto& r) { r.set_ignore_value(true), r.set_value("x"); }))),
            "3 etcdserver: value is provided");
  EXPECT_EQ(Text(Put(put([](auto& r) { r.set_ignore_lease(true), r.set_lease(1); }))),
            "3 etcdserver: lease is provided");
  EXPECT_EQ(Text(Put(put([](auto& r) { r.set_key("new"), r.set_ignore_value(true); }))),
            "3 etcdserver: key not found");
  EXPECT_EQ(Text(Put(put([](auto& r) { r.set_lease(99); }))),
            "5 etcdserver: requested lease not found");
  EXPECT_EQ(Text(Range(Key(""))), "3 etcdserver: key is not provided");
  pb::RangeRequest odd = Key("a");
  odd.set_sort_order(static_cast<pb::RangeRequest::SortOrder>(7));
  EXPECT_EQ(Text(Range(odd)), "3 etcdserver: invalid sort option");
  odd = Key("a");
  odd.set_sort_target(static_cast<pb::RangeRequest::SortTarget>(-1));
  EXPECT_EQ(Text(Range(odd)), "3 etcdserver: invalid sort option");
  odd = Key("a");
  odd.set_revision(50);
  EXPECT_EQ(Text(Range(odd)), "11 etcdserver: mvcc: required revision is a future revision");

  pb::TxnRequest txn;
  for (int i = 0; i < 129; ++i) *txn.add_success()->mutable_request_put() = put();
  EXPECT_EQ(Text(Txn(txn)), "3 etcdserver: too many operations in txn request");
  txn.mutable_success()->DeleteSubrange(2, 127);
  EXPECT_EQ(Text(Txn(txn)), "3 etcdserver: duplicate key given in txn request");
  txn.Clear();
  txn.add_success();
  EXPECT_EQ(Text(Txn(txn)), "3 etcdserver: key not found");
  txn.Clear();
  txn.add_compare()->set_key("a");
  txn.mutable_compare(0)->set_result(static_cast<pb::Compare::CompareResult>(9));
  EXPECT_EQ(Txn(txn).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(served.node.View()->revision(), 2);
}

TEST_F(KvServiceTest, OversizeRequestsAreRefusedByUsThenByGrpc) {
  // The key takes 3 bytes, the value its length and 4, and 18 what etcd puts around a request.
  EXPECT_EQ(Text(Put("a", std::string(100'000 - 25, 'x'))), "OK");
  EXPECT_EQ(Text(Put("a", std::string(100'000 - 24, 'x'))), "3 etcdserver: request is too large");
  EXPECT_EQ(Put("a", std::string(700'000, 'x')).error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(served.node.View()->revision(), 2);
}

TEST_F(KvServiceTest, ReadOnlyTxnsAreLinearizableUnlessAllRangesAreSerializable) {
  served.node.FailWith(Failure::kNoLeader);
  pb::TxnRequest txn;
  *txn.add_success()->mutable_request_range() = Key("a", true);
  EXPECT_EQ(Text(Txn(txn)), "OK");
  *txn.add_failure()->mutable_request_range() = Key("a", false);
  EXPECT_EQ(Text(Txn(txn)), "14 etcdserver: no leader");
  EXPECT_EQ(served.node.View()->revision(), 1);
}

// Of several things wrong etcd names the one it looks at first; size comes last, and only for what
// would be proposed.
TEST_F(KvServiceTest, RefusesInEtcdsOrder) {
  const std::string large(150'000, 'x');
  EXPECT_EQ(Text(Put("", large)), "3 etcdserver: key is not provided");
  EXPECT_EQ(Text(Put("a", large)), "3 etcdserver: request is too large");
  EXPECT_EQ(Text(Range(Key(large))), "OK");
  pb::TxnRequest read;
  *read.add_success()->mutable_request_range() = Key(large);
  EXPECT_EQ(Text(Txn(read)), "OK");

  const auto put = [](const std::string& key) {
    pb::RequestOp operation;
    operation.mutable_request_put()->set_key(key);
    return operation;
  };
  const auto txn = [](std::vector<pb::RequestOp> operations) {
    pb::TxnRequest request;
    for (pb::RequestOp& one : operations) *request.add_success() = std::move(one);
    return request;
  };
  const pb::RequestOp none;
  EXPECT_EQ(Text(Txn(txn({put("a"), put("a"), none}))), "3 etcdserver: key not found");
  EXPECT_EQ(Text(Txn(txn({put(""), none}))), "3 etcdserver: key is not provided");
  EXPECT_EQ(Text(Txn(txn({none, put("")}))), "3 etcdserver: key not found");
  EXPECT_EQ(Text(Txn(txn(std::vector<pb::RequestOp>(129, none)))),
            "3 etcdserver: too many operations in txn request");
  pb::TxnRequest nested;
  *nested.add_failure()->mutable_request_txn() = txn(std::vector<pb::RequestOp>(128, none));
  EXPECT_EQ(Text(Txn(nested)), "3 etcdserver: too many operations in txn request");
  pb::TxnRequest compare = txn({none});
  compare.add_compare();
  EXPECT_EQ(Text(Txn(compare)), "3 etcdserver: key is not provided");
}

TEST_F(KvServiceTest, WhatIsNotServedIsUnimplemented) {
  Context context;
  pb::LeaseGrantResponse response;
  EXPECT_EQ(Text(pb::Lease::NewStub(served.channel)
                     ->LeaseGrant(&context, pb::LeaseGrantRequest(), &response)),
            "12 synod: /etcdserverpb.Lease/LeaseGrant is not served");
  Context watch_context;
  pb::WatchResponse event;
  auto watch = pb::Watch::NewStub(served.channel)->Watch(&watch_context);
  EXPECT_FALSE(watch->Read(&event));
  EXPECT_EQ(Text(watch->Finish()), "12 synod: /etcdserverpb.Watch/Watch is not served");
  // A method of a service that is served otherwise.
  Context stream_context;
  pb::RangeStreamResponse part;
  auto stream = kv->RangeStream(&stream_context, Key("a"));
  EXPECT_FALSE(stream->Read(&part));
  EXPECT_EQ(Text(stream->Finish()), "12 synod: /etcdserverpb.KV/RangeStream is not served");
}

}  // namespace
}  // namespace synod::rpc
