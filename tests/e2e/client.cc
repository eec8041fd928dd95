#include "tests/e2e/client.h"

#include "absl/time/clock.h"

namespace synod::e2e {
namespace {

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A connection of its own, back soon after the other side comes back.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// Waiting for the connection inside the call matters: gRPC's synchronous client makes progress on
// a broken connection only while some call waits, and else looks at it every five seconds.
void Prepare(grpc::ClientContext& context, absl::Duration limit) {
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(absl::Now() + limit));
}

std::string EndOfPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');
  ++prefix.back();
  return prefix;
}

}  // namespace

Client::Client(const std::string& address)
    : channel_(Connect(address)),
      cluster_(etcdserverpb::Cluster::NewStub(channel_)),
      kv_(etcdserverpb::KV::NewStub(channel_)),
      maintenance_(etcdserverpb::Maintenance::NewStub(channel_)) {}

grpc::Status Client::Put(const std::string& key, const std::string& value, absl::Duration limit) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::PutRequest request;
  request.set_key(key);
  request.set_value(value);
  etcdserverpb::PutResponse response;
  return kv_->Put(&context, request, &response);
}

grpc::Status Client::Get(const std::string& key, Read read, absl::Duration limit,
                         etcdserverpb::RangeResponse* response) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::RangeRequest request;
  request.set_key(key);
  request.set_serializable(read == Read::kSerializable);
  return kv_->Range(&context, request, response);
}

grpc::Status Client::List(const std::string& prefix, Read read, absl::Duration limit,
                          etcdserverpb::RangeResponse* response) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::RangeRequest request;
  request.set_key(prefix);
  request.set_range_end(EndOfPrefix(prefix));
  request.set_serializable(read == Read::kSerializable);
  return kv_->Range(&context, request, response);
}

grpc::Status Client::Txn(const etcdserverpb::TxnRequest& request, absl::Duration limit,
                         etcdserverpb::TxnResponse* response) {
  grpc::ClientContext context;
  Prepare(context, limit);
  return kv_->Txn(&context, request, response);
}

grpc::Status Client::MemberAdd(const std::string& peer_url, absl::Duration limit,
                               etcdserverpb::MemberAddResponse* response) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::MemberAddRequest request;
  request.add_peerurls(peer_url);
  return cluster_->MemberAdd(&context, request, response);
}

grpc::Status Client::MemberRemove(uint64_t id, absl::Duration limit) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::MemberRemoveRequest request;
  request.set_id(id);
  etcdserverpb::MemberRemoveResponse response;
  return cluster_->MemberRemove(&context, request, &response);
}

grpc::Status Client::MemberList(absl::Duration limit, etcdserverpb::MemberListResponse* response) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::MemberListRequest request;
  request.set_linearizable(true);
  return cluster_->MemberList(&context, request, response);
}

grpc::Status Client::MemberStatus(absl::Duration limit, etcdserverpb::StatusResponse* response) {
  grpc::ClientContext context;
  Prepare(context, limit);
  return maintenance_->Status(&context, {}, response);
}

grpc::Status Client::Compact(int64_t revision, absl::Duration limit) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::CompactionRequest request;
  request.set_revision(revision);
  etcdserverpb::CompactionResponse response;
  return kv_->Compact(&context, request, &response);
}

grpc::Status Client::Defragment(absl::Duration limit) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::DefragmentResponse response;
  return maintenance_->Defragment(&context, {}, &response);
}

grpc::Status Client::Alarm(etcdserverpb::AlarmRequest::AlarmAction action, uint64_t member,
                           etcdserverpb::AlarmType type, absl::Duration limit,
                           etcdserverpb::AlarmResponse* response) {
  grpc::ClientContext context;
  Prepare(context, limit);
  etcdserverpb::AlarmRequest request;
  request.set_action(action);
  request.set_memberid(member);
  request.set_alarm(type);
  return maintenance_->Alarm(&context, request, response);
}

}  // namespace synod::e2e
