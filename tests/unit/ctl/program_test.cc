// synodctl's commands against a node that remembers what it was asked.
#include "services/ctl/program.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "etcd/kv.grpc.pb.h"
#include "etcd/maintenance.grpc.pb.h"
#include "synod/balancer/v1/admin.grpc.pb.h"
#include "synod/cluster/v1/cluster.grpc.pb.h"

namespace synod::ctl {
namespace {

namespace pb = etcdserverpb;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class FakeNode final : public pb::KV::Service,
                       public pb::Maintenance::Service,
                       public cluster::v1::Cluster::Service {
 public:
  FakeNode() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(static_cast<pb::KV::Service*>(this));
    builder.RegisterService(static_cast<pb::Maintenance::Service*>(this));
    builder.RegisterService(static_cast<cluster::v1::Cluster::Service*>(this));
    server_ = builder.BuildAndStart();
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

  void SetView(cluster::v1::View view) {
    absl::MutexLock lock(&mutex_);
    view_ = std::move(view);
  }
  void AnswerRangesWith(grpc::Status status) {
    absl::MutexLock lock(&mutex_);
    range_answer_ = std::move(status);
  }
  pb::RangeRequest last_range() {
    absl::MutexLock lock(&mutex_);
    return last_range_;
  }
  int deletes() {
    absl::MutexLock lock(&mutex_);
    return deletes_;
  }

 private:
  grpc::Status Range(grpc::ServerContext*, const pb::RangeRequest* request,
                     pb::RangeResponse*) override {
    absl::MutexLock lock(&mutex_);
    last_range_ = *request;
    return range_answer_;
  }
  grpc::Status DeleteRange(grpc::ServerContext*, const pb::DeleteRangeRequest*,
                           pb::DeleteRangeResponse*) override {
    absl::MutexLock lock(&mutex_);
    ++deletes_;
    return grpc::Status::OK;
  }
  grpc::Status Status(grpc::ServerContext*, const pb::StatusRequest*,
                      pb::StatusResponse* response) override {
    response->set_version("3.6");
    return grpc::Status::OK;
  }
  grpc::Status HashKV(grpc::ServerContext*, const pb::HashKVRequest* request,
                      pb::HashKVResponse* response) override {
    response->set_hash(77);
    response->set_compact_revision(2);
    response->set_hash_revision(request->revision());
    return grpc::Status::OK;
  }
  grpc::Status WatchView(grpc::ServerContext*, const cluster::v1::WatchViewRequest*,
                         grpc::ServerWriter<cluster::v1::View>* writer) override {
    absl::MutexLock lock(&mutex_);
    writer->Write(view_);
    return grpc::Status::OK;
  }

  absl::Mutex mutex_;
  cluster::v1::View view_ ABSL_GUARDED_BY(mutex_);
  pb::RangeRequest last_range_ ABSL_GUARDED_BY(mutex_);
  grpc::Status range_answer_ ABSL_GUARDED_BY(mutex_);
  int deletes_ ABSL_GUARDED_BY(mutex_) = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class FakeBalancer final : public balancer::v1::Admin::Service {
 public:
  FakeBalancer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

  balancer::v1::State state;  // set before it is asked

 private:
  grpc::Status GetState(grpc::ServerContext*, const balancer::v1::GetStateRequest*,
                        balancer::v1::State* out) override {
    *out = state;
    return grpc::Status::OK;
  }

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

struct Outcome {
  ExitCode code;
  std::string output;
};

class ProgramTest : public ::testing::Test {
 protected:
  static Outcome RunAt(const std::string& endpoints, const std::vector<std::string>& arguments) {
    const std::string flag = absl::StrCat("--endpoints=", endpoints);
    std::vector<const char*> argv = {"synodctl", flag.c_str()};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const ExitCode code = ctl::Run(static_cast<int>(argv.size()), argv.data());
    return {code,
            ::testing::internal::GetCapturedStdout() + ::testing::internal::GetCapturedStderr()};
  }
  Outcome RunHere(const std::vector<std::string>& arguments) {
    return RunAt(node.address(), arguments);
  }

  FakeNode node;
};

TEST_F(ProgramTest, APrefixHasNoEnd) {
  for (const char* flag : {"--prefix", "--from-key"}) {
    EXPECT_EQ(RunHere({"del", "p1", "p2", flag}).code, kBadArguments);
    EXPECT_EQ(RunHere({"get", "p1", "p2", flag}).code, kBadArguments);
  }
  EXPECT_EQ(RunHere({"get", "p1", "--prefix", "--from-key"}).code, kBadArguments);
  EXPECT_EQ(node.deletes(), 0);
  EXPECT_EQ(RunHere({"del", "p1", "--prefix"}).code, kOk);
  EXPECT_EQ(node.deletes(), 1);
}

TEST_F(ProgramTest, OrdersAreTakenInAnyCase) {
  EXPECT_EQ(RunHere({"get", "a", "--order=descend", "--sort-by=Modify"}).code, kOk);
  EXPECT_EQ(node.last_range().sort_order(), pb::RangeRequest::DESCEND);
  EXPECT_EQ(node.last_range().sort_target(), pb::RangeRequest::MOD);
  EXPECT_EQ(RunHere({"get", "a", "--order=ASCEND", "--sort-by=VALUE"}).code, kOk);
  EXPECT_EQ(node.last_range().sort_order(), pb::RangeRequest::ASCEND);
  EXPECT_EQ(node.last_range().sort_target(), pb::RangeRequest::VALUE);
  EXPECT_EQ(RunHere({"get", "a", "--order=up"}).code, kBadArguments);
}

TEST_F(ProgramTest, RefusesAFormItDoesNotHaveBeforeItWrites) {
  const Outcome outcome = RunHere({"del", "a", "-w", "table"});
  EXPECT_EQ(outcome.code, kInvalidInput);
  EXPECT_THAT(outcome.output, HasSubstr("simple and json"));
  EXPECT_EQ(node.deletes(), 0);
}

// As etcdctl, which ends with 1 for whatever the server refuses.
TEST_F(ProgramTest, ExitCodesAreEtcdctls) {
  const std::pair<grpc::StatusCode, ExitCode> cases[] = {
      {grpc::StatusCode::OK, kOk},
      {grpc::StatusCode::INVALID_ARGUMENT, kError},
      {grpc::StatusCode::OUT_OF_RANGE, kError},
      {grpc::StatusCode::NOT_FOUND, kError},
      {grpc::StatusCode::FAILED_PRECONDITION, kError},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, kError},
      {grpc::StatusCode::UNKNOWN, kError},
      {grpc::StatusCode::UNAVAILABLE, kBadConnection},
      {grpc::StatusCode::DEADLINE_EXCEEDED, kBadConnection},
      {grpc::StatusCode::INTERNAL, kServerError},
      {grpc::StatusCode::DATA_LOSS, kServerError},
      {grpc::StatusCode::UNIMPLEMENTED, kServerError},
  };
  for (const auto& [status, code] : cases) {
    node.AnswerRangesWith({status, "why"});
    EXPECT_EQ(RunHere({"get", "a"}).code, code) << status;
  }
  EXPECT_EQ(RunHere({"member", "remove", "nobody"}).code, kInvalidInput) << "never sent";
  EXPECT_EQ(RunHere({"get"}).code, kBadArguments);
  EXPECT_EQ(RunAt("127.0.0.1:1", {"get", "a", "--dial-timeout=100ms"}).code, kBadConnection);
}

TEST_F(ProgramTest, NamesACommandThatDoesNotExist) {
  const auto error = [this](const std::vector<std::string>& arguments) {
    const Outcome outcome = RunHere(arguments);
    EXPECT_EQ(outcome.code, kBadArguments);
    return outcome.output;
  };
  EXPECT_THAT(error({"watch", "a"}),
              HasSubstr("unknown command \"watch\" of synodctl; there are: "));
  EXPECT_THAT(error({"watch", "a"}), HasSubstr(", put, "));
  EXPECT_EQ(error({"lb", "stop"}),
            "Error: unknown command \"stop\" of lb; there are: status, policy, weights, drain, "
            "undrain\n");
  EXPECT_THAT(error({"member"}), HasSubstr("member needs a command; there are: list, "));
  EXPECT_THAT(error({"put"}), HasSubstr("key is required"));
}

TEST_F(ProgramTest, EndpointStatusIsOneListWithEndpoints) {
  const Outcome outcome = RunAt(absl::StrCat(node.address(), ",", node.address()),
                                {"endpoint", "status", "-w", "json"});
  EXPECT_EQ(outcome.code, kOk);
  const std::string one =
      absl::StrCat("{\"Endpoint\":\"", node.address(), "\",\"Status\":{\"version\":\"3.6\"}}");
  EXPECT_EQ(outcome.output, absl::StrCat("[", one, ",", one, "]\n"));
}

TEST_F(ProgramTest, EndpointHashKvAsksEachEndpointAtOneRevision) {
  const std::string endpoints = absl::StrCat(node.address(), ",127.0.0.1:1");
  const Outcome rows = RunAt(endpoints, {"endpoint", "hashkv", "--rev=5", "--dial-timeout=100ms"});
  EXPECT_EQ(rows.code, kBadConnection);
  EXPECT_THAT(rows.output, StartsWith(absl::StrCat(node.address(), ", 77, 5\n")));
  EXPECT_THAT(rows.output, HasSubstr("Failed to get the hashkv of endpoint 127.0.0.1:1 ("));
  EXPECT_EQ(RunHere({"endpoint", "hashkv", "--rev=5", "-w", "json"}).output,
            absl::StrCat("[{\"Endpoint\":\"", node.address(),
                         "\",\"HashKV\":{\"hash\":77,\"compact_revision\":2,"
                         "\"hash_revision\":5}}]\n"));
}

TEST_F(ProgramTest, StatusOfTheBalancerSaysOnlyWhatThereIs) {
  FakeBalancer balancer;
  const std::string admin = "--admin=" + balancer.address();
  balancer.state.set_policy("random");
  balancer.state.set_write_routing("leader");
  auto* backend = balancer.state.add_backends();
  backend->set_name("n1");
  backend->set_read_latency_us(0);
  backend->set_write_latency_us(1500);
  const std::string status = RunHere({"lb", "status", admin}).output;
  EXPECT_THAT(status, HasSubstr("policy random, writes to leader, leader unknown\n"));
  EXPECT_THAT(status, Not(HasSubstr("0.00 ms")));
  EXPECT_THAT(status, HasSubstr("1.50 ms"));
  balancer.state.set_generic(true);
  EXPECT_THAT(RunHere({"lb", "status", admin}).output,
              HasSubstr("policy random, generic: every call goes by the policy\n"));
}

TEST_F(ProgramTest, EndpointsAddUp) {
  EXPECT_EQ(RunAt("127.0.0.1:1", {"del", "a", "--endpoints", node.address()}).code, kOk);
  EXPECT_EQ(RunHere({"del", "a", "--endpoints=127.0.0.1:1"}).code, kOk);
  EXPECT_EQ(node.deletes(), 2);
}

TEST_F(ProgramTest, ReachesNodesDirectlyWhateverProxyTheEnvironmentNames) {
  setenv("http_proxy", "http://127.0.0.1:9", 1);
  const Outcome outcome = RunHere({"del", "a", "--dial-timeout=5s"});
  unsetenv("http_proxy");
  EXPECT_EQ(outcome.code, kOk) << outcome.output;
}

TEST_F(ProgramTest, ANodeHasOneWeight) {
  const Outcome outcome = RunHere({"lb", "weights", "n1=1,n1=2"});
  EXPECT_EQ(outcome.code, kInvalidInput);
  EXPECT_THAT(outcome.output, HasSubstr("\"n1\" has two weights"));
}

class DoctorTest : public ProgramTest {
 protected:
  // Two healthy members, each of which knows both.
  DoctorTest() {
    for (FakeNode* one : {&node, &other}) one->SetView(ViewOf(one));
  }

  cluster::v1::View ViewOf(FakeNode* self) const {
    cluster::v1::View view;
    view.set_cluster_id(7);
    view.set_member_id(self == &node ? 1 : 2);
    view.set_name(self == &node ? "n1" : "n2");
    view.set_leader_id(1);
    AddMember(view, 1, "n1", node.address());
    AddMember(view, 2, "n2", other.address());
    return view;
  }
  static void AddMember(cluster::v1::View& view, uint64_t id, const std::string& name,
                        const std::string& address) {
    auto* member = view.add_members();
    member->set_id(id);
    member->set_name(name);
    if (!address.empty()) member->add_client_urls("http://" + address);
  }

  Outcome Doctor() { return RunHere({"doctor"}); }

  FakeNode other;
};

TEST_F(DoctorTest, CountsMembersThatAgree) {
  const Outcome outcome = Doctor();
  EXPECT_EQ(outcome.code, kOk) << outcome.output;
  EXPECT_EQ(outcome.output, "healthy: 2 of 2 members answer and agree\n");
}

TEST_F(DoctorTest, MissesAMemberThatNobodyHasHeardOf) {
  cluster::v1::View view = ViewOf(&node);
  AddMember(view, 3, "n3", "");
  node.SetView(view);
  const Outcome outcome = Doctor();
  EXPECT_EQ(outcome.code, kUnhealthy);
  EXPECT_THAT(outcome.output, HasSubstr("n3 has told nobody where clients reach it"));
}

TEST_F(DoctorTest, AsksEachMemberByWhatAnyEndpointKnows) {
  cluster::v1::View view = ViewOf(&node);
  view.mutable_members(1)->clear_client_urls();
  node.SetView(view);
  EXPECT_EQ(RunAt(absl::StrCat(node.address(), ",", other.address()), {"doctor"}).code, kOk);
}

TEST_F(DoctorTest, SaysWhatIsWrong) {
  const auto complaint = [&](auto&& change) {
    cluster::v1::View view = ViewOf(&other);
    change(view);
    other.SetView(view);
    const Outcome outcome = Doctor();
    EXPECT_EQ(outcome.code, kUnhealthy);
    return outcome.output;
  };
  EXPECT_THAT(complaint([](auto& view) { view.set_leader_id(0); }), HasSubstr("knows no leader"));
  EXPECT_THAT(complaint([](auto& view) { view.set_quorum_contact_age_ms(9000); }),
              HasSubstr("has not heard a quorum for 9000 ms"));
  EXPECT_THAT(complaint([](auto& view) { view.set_cluster_id(8); }),
              HasSubstr("different clusters"));
  EXPECT_THAT(complaint([](auto& view) { view.set_chosen_slot(5000); }), HasSubstr("slots late"));
  EXPECT_THAT(complaint([](auto& view) {
                view.set_chosen_slot(5000);
                view.set_applied_slot(5000);
              }),
              HasSubstr("n1 (" + node.address() + ") is 5000 slots behind"));

  node.SetView(cluster::v1::View());
  EXPECT_THAT(Doctor().output, HasSubstr("nobody knows a member"));
  const Outcome unreachable = RunAt("127.0.0.1:1", {"doctor", "--dial-timeout=100ms"});
  EXPECT_EQ(unreachable.code, kUnhealthy);
  EXPECT_THAT(unreachable.output, HasSubstr("127.0.0.1:1 does not answer"));
}

}  // namespace
}  // namespace synod::ctl
