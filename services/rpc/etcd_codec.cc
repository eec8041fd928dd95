#include "services/rpc/etcd_codec.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "services/kv/validate.h"
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

template <class In>
grpc::Status TranslateLeaf(const In& in, kv::Operation& out) {
  auto leaf = FromProto(in);
  if (const kv::Error error = kv::Validate(leaf); error != kv::Error::kNone) {
    return ToStatus(error);
  }
  out = std::move(leaf);
  return grpc::Status::OK;
}

// `max_ops`: what is left for a nested transaction.
grpc::Status Translate(const pb::RequestOp& in, int max_ops, kv::Operation& out) {
  switch (in.request_case()) {
    case pb::RequestOp::kRequestRange:
      return TranslateLeaf(in.request_range(), out);
    case pb::RequestOp::kRequestPut:
      return TranslateLeaf(in.request_put(), out);
    case pb::RequestOp::kRequestDeleteRange:
      return TranslateLeaf(in.request_delete_range(), out);
    case pb::RequestOp::kRequestTxn:
      return FromProto(in.request_txn(), max_ops, out.emplace<kv::TxnRequest>());
    case pb::RequestOp::REQUEST_NOT_SET:
      break;
  }
  return ToStatus(EtcdError::kKeyNotFound);
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

grpc::Status FromProto(const pb::TxnRequest& in, int max_ops, kv::TxnRequest& out) {
  const int longest = std::max({in.compare_size(), in.success_size(), in.failure_size()});
  if (longest > max_ops) return ToStatus(EtcdError::kTooManyOps);
  for (const pb::Compare& compare : in.compare()) {
    if (compare.key().empty()) return ToStatus(EtcdError::kEmptyKey);
    if (grpc::Status status = Translate(compare, out.compare.emplace_back()); !status.ok()) {
      return status;
    }
  }
  const auto translate = [&](const auto& operations, std::vector<kv::Operation>& branch) {
    grpc::Status status;
    for (auto it = operations.begin(); it != operations.end() && status.ok(); ++it) {
      status = Translate(*it, max_ops - longest, branch.emplace_back());
    }
    return status;
  };
  const grpc::Status status = translate(in.success(), out.success);
  return status.ok() ? translate(in.failure(), out.failure) : status;
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
