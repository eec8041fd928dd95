#include "services/rpc/unserved.h"

#include "absl/strings/str_cat.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;

grpc::Status NotServed(absl::string_view method) {
  return {grpc::StatusCode::UNIMPLEMENTED, absl::StrCat("synod: ", method, " is not served")};
}

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const std::string& method) { Finish(NotServed(method)); }
  void OnDone() override { delete this; }
};

template <class Response>
class StreamRefusal final : public grpc::ServerWriteReactor<Response> {
 public:
  explicit StreamRefusal(absl::string_view method) { this->Finish(NotServed(method)); }
  void OnDone() override { delete this; }
};

grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext& context, absl::string_view method) {
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(NotServed(method));
  return reactor;
}

}  // namespace

grpc::ServerGenericBidiReactor* Unserved::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Refusal(context->method());
}

grpc::ServerWriteReactor<pb::RangeStreamResponse>* UnservedKv::RangeStream(
    grpc::CallbackServerContext*, const pb::RangeRequest*) {
  return new StreamRefusal<pb::RangeStreamResponse>("/etcdserverpb.KV/RangeStream");
}

grpc::ServerUnaryReactor* UnservedMaintenance::Hash(grpc::CallbackServerContext* context,
                                                    const pb::HashRequest*, pb::HashResponse*) {
  return Refuse(*context, "/etcdserverpb.Maintenance/Hash");
}

grpc::ServerWriteReactor<pb::SnapshotResponse>* UnservedMaintenance::Snapshot(
    grpc::CallbackServerContext*, const pb::SnapshotRequest*) {
  return new StreamRefusal<pb::SnapshotResponse>("/etcdserverpb.Maintenance/Snapshot");
}

grpc::ServerUnaryReactor* UnservedMaintenance::Downgrade(grpc::CallbackServerContext* context,
                                                         const pb::DowngradeRequest*,
                                                         pb::DowngradeResponse*) {
  return Refuse(*context, "/etcdserverpb.Maintenance/Downgrade");
}

}  // namespace synod::rpc
