#include "services/ctl/json.h"

#include <gtest/gtest.h>

#include "etcd/kv.pb.h"
#include "synod/balancer/v1/admin.pb.h"

namespace synod::ctl {
namespace {

TEST(JsonTest, LooksLikeEtcdctls) {
  etcdserverpb::RangeResponse response;
  response.mutable_header()->set_cluster_id(14841639068965178418u);
  response.mutable_header()->set_revision(2);
  auto* kv = response.add_kvs();
  kv->set_key("a");
  kv->set_value(std::string("\xff\0", 2));
  kv->set_version(1);
  response.set_count(1);
  EXPECT_EQ(ToJson(response), R"({"header":{"cluster_id":14841639068965178418,"revision":2},)"
                              R"("kvs":[{"key":"YQ==","version":1,"value":"/wA="}],"count":1})");
}

TEST(JsonTest, ChoicesAreWrappedAsInGo) {
  etcdserverpb::TxnResponse response;
  response.set_succeeded(true);
  response.add_responses()->mutable_response_delete_range()->set_deleted(2);
  EXPECT_EQ(
      ToJson(response),
      R"({"succeeded":true,"responses":[{"Response":{"ResponseDeleteRange":{"deleted":2}}}]})");
}

TEST(JsonTest, NumbersTextsAndTruthsKeepTheirTypes) {
  synod::balancer::v1::Backend backend;
  backend.set_name("n1");
  backend.set_leader(true);
  backend.set_read_latency_us(1.5);
  EXPECT_EQ(ToJson(backend), R"({"name":"n1","leader":true,"read_latency_us":1.5})");
}

}  // namespace
}  // namespace synod::ctl
