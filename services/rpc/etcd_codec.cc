#include "services/rpc/etcd_codec.h"

#include <optional>
#include <utility>
#include <variant>

#include "services/rpc/error_table.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;

// Our enumerations have etcd's numbers. Anything else becomes 255, which no check lets through.
template <class Enum>
Enum FromNumber(int number, int largest) {
  return static_cast<Enum>(number < 0 || number > largest ? 255 : number);
}

grpc::Status Translate(const pb::Compare& in, kv::Compare& out) {
  if (!pb::Compare::CompareResult_IsValid(in.result()) ||
      !pb::Compare::CompareTarget_IsValid(in.target())) {
    return {grpc::StatusCode::INVALID_ARGUMENT,
            "etcdserver: a compare of the txn has an unknown result or target"};
  }
  out.result = static_cast<kv::CompareResult>(in.result());
  out.target = static_cast<kv::CompareTarget>(in.target());
  out.key = in.key();
  out.range_end = in.range_end();
  // A value given for another target than the named one counts as absent, as in etcd.
  switch (out.target) {
    case kv::CompareTarget::kVersion:
      out.number = in.version();
      break;
    case kv::CompareTarget::kCreate:
      out.number = in.create_revision();
      break;
    case kv::CompareTarget::kMod:
      out.number = in.mod_revision();
      break;
    case kv::CompareTarget::kValue:
      out.value = in.value();
      break;
    case kv::CompareTarget::kLease:
      out.number = in.lease();
      break;
  }
  return grpc::Status::OK;
}

grpc::Status Translate(const pb::RequestOp& in, kv::Operation& out) {
  switch (in.request_case()) {
    case pb::RequestOp::kRequestRange:
      out = FromProto(in.request_range());
      return grpc::Status::OK;
    case pb::RequestOp::kRequestPut:
      out = FromProto(in.request_put());
      return grpc::Status::OK;
    case pb::RequestOp::kRequestDeleteRange:
      out = FromProto(in.request_delete_range());
      return grpc::Status::OK;
    case pb::RequestOp::kRequestTxn:
      return FromProto(in.request_txn(), out.emplace<kv::TxnRequest>());
    case pb::RequestOp::REQUEST_NOT_SET:
      break;
  }
  return ToStatus(EtcdError::kKeyNotFound);
}

template <class In, class Out>
grpc::Status TranslateAll(const google::protobuf::RepeatedPtrField<In>& in, std::vector<Out>& out) {
  out.resize(static_cast<size_t>(in.size()));
  for (int i = 0; i < in.size(); ++i) {
    if (grpc::Status status = Translate(in[i], out[static_cast<size_t>(i)]); !status.ok()) {
      return status;
    }
  }
  return grpc::Status::OK;
}

void Write(kv::KeyValue in, mvccpb::KeyValue& out) {
  out.set_key(std::move(in.key));
  out.set_value(std::move(in.value));
  out.set_create_revision(in.create_revision);
  out.set_mod_revision(in.mod_revision);
  out.set_version(in.version);
  out.set_lease(in.lease);
}

// Writes the responses of a transaction in order, keeping account of the revision: it steps up
// once, with the first operation that has an effect.
class TxnWriter {
 public:
  TxnWriter(const kv::TxnResponse& whole, kv::Revision after)
      : revision_(HasEffect(whole) ? after - 1 : after), after_(after) {}

  void Write(kv::TxnResponse in, pb::TxnResponse& out) {
    out.set_succeeded(in.succeeded);
    for (kv::OperationResponse& response : in.responses) {
      std::visit([&](auto& one) { Add(std::move(one), *out.add_responses()); }, response);
    }
  }

 private:
  static bool HasEffect(const kv::TxnResponse& response) {
    for (const kv::OperationResponse& one : response.responses) {
      if (std::holds_alternative<kv::PutResponse>(one)) return true;
      const auto* deletion = std::get_if<kv::DeleteRangeResponse>(&one);
      if (deletion != nullptr && deletion->deleted > 0) return true;
      const auto* nested = std::get_if<kv::TxnResponse>(&one);
      if (nested != nullptr && HasEffect(*nested)) return true;
    }
    return false;
  }

  void Add(kv::RangeResponse in, pb::ResponseOp& out) {
    auto& response = *out.mutable_response_range();
    response.mutable_header()->set_revision(revision_);
    ToProto(std::move(in), response);
  }
  void Add(kv::PutResponse in, pb::ResponseOp& out) {
    auto& response = *out.mutable_response_put();
    revision_ = after_;
    response.mutable_header()->set_revision(revision_);
    ToProto(std::move(in), response);
  }
  void Add(kv::DeleteRangeResponse in, pb::ResponseOp& out) {
    auto& response = *out.mutable_response_delete_range();
    if (in.deleted > 0) revision_ = after_;
    response.mutable_header()->set_revision(revision_);
    ToProto(std::move(in), response);
  }
  void Add(kv::TxnResponse in, pb::ResponseOp& out) {
    auto& response = *out.mutable_response_txn();
    response.mutable_header();  // present and empty
    Write(std::move(in), response);
  }

  kv::Revision revision_;
  const kv::Revision after_;
};

}  // namespace

kv::RangeRequest FromProto(const pb::RangeRequest& in) {
  kv::RangeRequest out;
  out.key = in.key();
  out.range_end = in.range_end();
  out.limit = in.limit();
  out.revision = in.revision();
  out.sort_order = FromNumber<kv::SortOrder>(in.sort_order(), pb::RangeRequest::SortOrder_MAX);
  out.sort_target = FromNumber<kv::SortTarget>(in.sort_target(), pb::RangeRequest::SortTarget_MAX);
  out.serializable = in.serializable();
  out.keys_only = in.keys_only();
  out.count_only = in.count_only();
  out.min_mod_revision = in.min_mod_revision();
  out.max_mod_revision = in.max_mod_revision();
  out.min_create_revision = in.min_create_revision();
  out.max_create_revision = in.max_create_revision();
  return out;
}

kv::PutRequest FromProto(const pb::PutRequest& in) {
  kv::PutRequest out;
  out.key = in.key();
  out.value = in.value();
  out.lease = in.lease();
  out.prev_kv = in.prev_kv();
  out.ignore_value = in.ignore_value();
  out.ignore_lease = in.ignore_lease();
  return out;
}

kv::DeleteRangeRequest FromProto(const pb::DeleteRangeRequest& in) {
  kv::DeleteRangeRequest out;
  out.key = in.key();
  out.range_end = in.range_end();
  out.prev_kv = in.prev_kv();
  return out;
}

grpc::Status FromProto(const pb::TxnRequest& in, kv::TxnRequest& out) {
  if (grpc::Status status = TranslateAll(in.compare(), out.compare); !status.ok()) return status;
  if (grpc::Status status = TranslateAll(in.success(), out.success); !status.ok()) return status;
  return TranslateAll(in.failure(), out.failure);
}

void ToProto(kv::RangeResponse in, pb::RangeResponse& out) {
  out.mutable_kvs()->Reserve(static_cast<int>(in.kvs.size()));
  for (kv::KeyValue& one : in.kvs) Write(std::move(one), *out.add_kvs());
  out.set_more(in.more);
  out.set_count(in.count);
}

void ToProto(kv::PutResponse in, pb::PutResponse& out) {
  if (in.prev_kv.has_value()) Write(*std::move(in.prev_kv), *out.mutable_prev_kv());
}

void ToProto(kv::DeleteRangeResponse in, pb::DeleteRangeResponse& out) {
  out.set_deleted(in.deleted);
  for (kv::KeyValue& one : in.prev_kvs) Write(std::move(one), *out.add_prev_kvs());
}

void ToProto(kv::TxnResponse in, kv::Revision revision, pb::TxnResponse& out) {
  TxnWriter writer(in, revision);
  writer.Write(std::move(in), out);
}

}  // namespace synod::rpc
