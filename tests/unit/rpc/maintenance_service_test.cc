#include "services/rpc/maintenance_service.h"

#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "etcd/maintenance.grpc.pb.h"
#include "tests/support/await.h"
#include "tests/unit/rpc/served_kv.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;

class MaintenanceServiceTest : public ServedKv {
 protected:
  pb::StatusResponse Status() {
    Context context;
    pb::StatusResponse response;
    const grpc::Status status = maintenance->Status(&context, pb::StatusRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  grpc::Status Alarm(pb::AlarmRequest::AlarmAction action, uint64_t member, pb::AlarmType type,
                     pb::AlarmResponse* response) {
    Context context;
    pb::AlarmRequest request;
    request.set_action(action);
    request.set_memberid(member);
    request.set_alarm(type);
    return maintenance->Alarm(&context, request, response);
  }
  // "161:NOSPACE 162:CORRUPT", or why not.
  std::string Alarm(pb::AlarmRequest::AlarmAction action, uint64_t member, pb::AlarmType type) {
    pb::AlarmResponse response;
    if (const auto status = Alarm(action, member, type, &response); !status.ok()) {
      return Text(status);
    }
    EXPECT_EQ(response.header().member_id(), 0xa1u);
    EXPECT_EQ(response.header().revision(), served.node.View()->revision());
    std::vector<std::string> alarms;
    for (const pb::AlarmMember& alarm : response.alarms()) {
      alarms.push_back(absl::StrCat(alarm.memberid(), ":", pb::AlarmType_Name(alarm.alarm())));
    }
    return absl::StrJoin(alarms, " ");
  }
  std::string Raise(uint64_t member, pb::AlarmType type) {
    return Alarm(pb::AlarmRequest::ACTIVATE, member, type);
  }
  std::string Disarm(uint64_t member, pb::AlarmType type) {
    return Alarm(pb::AlarmRequest::DEACTIVATE, member, type);
  }
  std::string List(pb::AlarmType type = pb::NONE) { return Alarm(pb::AlarmRequest::GET, 0, type); }

  std::unique_ptr<pb::Maintenance::Stub> maintenance = pb::Maintenance::NewStub(served.channel);
};

TEST_F(MaintenanceServiceTest, StatusSpeaksOfThisMember) {
  served.node.Apply(kv::PutRequest{.key = "a"});
  pb::StatusResponse response = Status();
  EXPECT_EQ(response.version(), "3.6.0");
  EXPECT_EQ(response.dbsize(), 4096);
  EXPECT_EQ(response.dbsizeinuse(), 1024);
  EXPECT_EQ(response.dbsizequota(), 8192);
  EXPECT_EQ(response.leader(), 0xa1u);
  EXPECT_EQ(response.raftindex(), 2u);
  EXPECT_EQ(response.raftappliedindex(), 1u);
  EXPECT_EQ(response.raftterm(), 7u);
  EXPECT_FALSE(response.islearner());
  EXPECT_EQ(response.errors_size(), 0);
  EXPECT_EQ(response.header().revision(), 2);

  // Answers without a leader too, and says so.
  served.node.SetLeader(NodeId());
  served.node.FailWith(Failure::kNoLeader);
  response = Status();
  EXPECT_EQ(response.leader(), 0u);
  ASSERT_EQ(response.errors_size(), 1);
  EXPECT_EQ(response.errors(0), "etcdserver: no leader");
}

TEST_F(MaintenanceServiceTest, AlarmsAreRaisedListedAndDisarmed) {
  ASSERT_TRUE(Put("a", "1").ok());
  EXPECT_EQ(List(), "");
  EXPECT_EQ(Raise(0xa1, pb::NOSPACE), "161:NOSPACE");
  EXPECT_EQ(Raise(0xa1, pb::NOSPACE), "161:NOSPACE");
  EXPECT_EQ(Raise(0xa2, pb::CORRUPT), "162:CORRUPT");
  EXPECT_EQ(Raise(0xa2, pb::NONE), "");
  EXPECT_EQ(List(), "161:NOSPACE 162:CORRUPT");
  EXPECT_EQ(List(pb::CORRUPT), "162:CORRUPT");
  const pb::StatusResponse status = Status();
  ASSERT_EQ(status.errors_size(), 2);
  EXPECT_EQ(status.errors(0), "memberID:161 alarm:NOSPACE ");
  EXPECT_EQ(status.errors(1), "memberID:162 alarm:CORRUPT ");
  EXPECT_EQ(Disarm(0xa2, pb::NOSPACE), "");
  EXPECT_EQ(Disarm(0xa2, pb::CORRUPT), "162:CORRUPT");
  EXPECT_EQ(Disarm(0xa1, pb::NOSPACE), "161:NOSPACE");
  EXPECT_EQ(List(), "");
  EXPECT_EQ(Raise(0xa1, static_cast<pb::AlarmType>(7)),
            "3 etcdserver: the action or the kind of the alarm is unknown");
  EXPECT_EQ(Alarm(static_cast<pb::AlarmRequest::AlarmAction>(3), 0xa1, pb::NOSPACE),
            "3 etcdserver: the action or the kind of the alarm is unknown");
}

TEST_F(MaintenanceServiceTest, AskingForAlarmsIsALinearizableRead) {
  served.node.FailWith(Failure::kNoLeader);
  EXPECT_EQ(List(), "14 etcdserver: no leader");
}

TEST_F(MaintenanceServiceTest, WhatAnAlarmForbidsIsRefusedBeforeItIsProposed) {
  ASSERT_TRUE(Put("a", "1").ok());
  Raise(0xa2, pb::NOSPACE);
  const Slot applied = served.node.Status().applied;
  EXPECT_EQ(Text(Put("a", "2")), "8 etcdserver: mvcc: database space exceeded");
  pb::TxnRequest txn;
  txn.add_failure()->mutable_request_put()->set_key("a");
  EXPECT_EQ(Text(Txn(txn)), "8 etcdserver: mvcc: database space exceeded");
  EXPECT_EQ(served.node.Status().applied, applied);
  EXPECT_EQ(Text(Range(Key("a"))), "OK");

  // Without a quorum nobody knows whether the alarm still stands.
  served.node.FailWith(Failure::kNoLeader);
  EXPECT_EQ(Text(Put("a", "2")), "14 etcdserver: no leader");
}

TEST_F(MaintenanceServiceTest, AMemberThatIsBehindRefusesNothingThatIsAllowedAgain) {
  Raise(0xa2, pb::NOSPACE);
  served.node.ApplyWhenAwaited(kv::AlarmRequest{.action = kv::AlarmAction::kDeactivate,
                                                .alarm = {NodeId(0xa2), kv::AlarmType::kNoSpace}});
  EXPECT_EQ(Text(Put("a", "1")), "OK");
}

TEST_F(MaintenanceServiceTest, DefragmentAnswersWhenItIsDone) {
  const auto defragment = [&] {
    Context context;
    pb::DefragmentResponse response;
    return Text(maintenance->Defragment(&context, pb::DefragmentRequest(), &response));
  };
  EXPECT_EQ(defragment(), "OK");
  served.node.DefragmentWith(absl::FailedPreconditionError("busy"));
  EXPECT_EQ(defragment(), "9 synod: busy");
  served.node.FailWith(Failure::kNoLeader);  // which is no matter of this member's disk
  served.node.DefragmentWith(absl::OkStatus());
  EXPECT_EQ(defragment(), "OK");
}

TEST_F(MaintenanceServiceTest, DefragmentIsCancelledWithItsCall) {
  served.node.Stall(true);
  Context context;
  pb::DefragmentRequest request;
  pb::DefragmentResponse response;
  std::promise<grpc::StatusCode> ended;
  maintenance->async()->Defragment(&context, &request, &response, [&](grpc::Status status) {
    ended.set_value(status.error_code());
  });
  ASSERT_TRUE(served.node.AwaitStalled(1));
  EXPECT_FALSE(served.node.defragment_cancelled());
  context.TryCancel();
  EXPECT_EQ(ended.get_future().get(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(
      testing::Await(absl::Seconds(20), [&] { return served.node.defragment_cancelled(); }));
  served.node.Stall(false);
}

TEST_F(MaintenanceServiceTest, CorruptDataStopsAllWrites) {
  ASSERT_TRUE(Put("a", "1").ok());
  Raise(0xa2, pb::CORRUPT);
  EXPECT_EQ(Text(Put("a", "2")), "15 etcdserver: corrupt cluster");
  Context context;
  pb::CompactionRequest compact;
  compact.set_revision(2);
  pb::CompactionResponse unused;
  EXPECT_EQ(Text(kv->Compact(&context, compact, &unused)), "15 etcdserver: corrupt cluster");
  EXPECT_EQ(Text(Range(Key("a"))), "OK");
}

TEST_F(MaintenanceServiceTest, HashKvIsOfThisMembersStoreAtARevision) {
  const auto hash = [&](int64_t revision, pb::HashKVResponse& response) {
    Context context;
    pb::HashKVRequest request;
    request.set_revision(revision);
    return Text(maintenance->HashKV(&context, request, &response));
  };
  served.node.FailWith(Failure::kNone);
  ASSERT_EQ(Text(Put("a", "1")), "OK");
  pb::HashKVResponse then;
  ASSERT_EQ(hash(0, then), "OK");
  EXPECT_EQ(then.header().member_id(), 0xa1u);
  EXPECT_EQ(then.header().revision(), 2);
  EXPECT_EQ(then.hash_revision(), 2);
  EXPECT_EQ(then.compact_revision(), -1);

  ASSERT_EQ(Text(Put("a", "2")), "OK");
  served.node.FailWith(Failure::kNoLeader);  // it is asked of nobody else
  pb::HashKVResponse now;
  pb::HashKVResponse again;
  ASSERT_EQ(hash(0, now), "OK");
  EXPECT_NE(now.hash(), then.hash());
  ASSERT_EQ(hash(2, again), "OK");
  EXPECT_EQ(again.hash(), then.hash());
  EXPECT_EQ(again.header().revision(), 3);
  EXPECT_EQ(hash(4, again), "11 etcdserver: mvcc: required revision is a future revision");
  served.node.Apply(kv::CompactRequest{.revision = 3});
  EXPECT_EQ(hash(2, again), "11 etcdserver: mvcc: required revision has been compacted");
}

TEST_F(MaintenanceServiceTest, WhatIsNotServedIsNamed) {
  const auto refusal = [](const char* method) {
    return absl::StrCat("12 synod: /etcdserverpb.Maintenance/", method, " is not served");
  };
  const auto ask = [&](auto method, auto request, auto response) {
    Context context;
    return Text((maintenance.get()->*method)(&context, request, &response));
  };
  using Stub = pb::Maintenance::Stub;
  EXPECT_EQ(ask(&Stub::Hash, pb::HashRequest(), pb::HashResponse()), refusal("Hash"));
  EXPECT_EQ(ask(&Stub::Downgrade, pb::DowngradeRequest(), pb::DowngradeResponse()),
            refusal("Downgrade"));
  Context context;
  pb::SnapshotResponse part;
  auto snapshot = maintenance->Snapshot(&context, pb::SnapshotRequest());
  EXPECT_FALSE(snapshot->Read(&part));
  EXPECT_EQ(Text(snapshot->Finish()), refusal("Snapshot"));
}

}  // namespace
}  // namespace synod::rpc
