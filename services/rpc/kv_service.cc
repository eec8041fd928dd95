#include "services/rpc/kv_service.h"

#include <utility>
#include <variant>

#include "services/kv/validate.h"
#include "services/rpc/error_table.h"
#include "services/rpc/etcd_codec.h"

namespace synod::rpc {
namespace {

namespace pb = etcdserverpb;

// What etcd puts around a request to propose it, and measures with it: tag and length of up to 2
// MiB, and a header with the id of the request.
constexpr size_t kEnvelopeBytes = 4 + 14;

// A call with its messages, which live as long as it does.
template <class Request, class Response>
class KvCall : public Call {
 public:
  KvCall(const CallEnvironment& environment, Method method, grpc::CallbackServerContext* context,
         const Request* request, Response* response)
      : Call(environment, method, context), request_(*request), response_(*response) {}

 protected:
  // Call::Propose, unless the request is too large: what goes to the log is measured, and last of
  // all checks, as in etcd.
  void ProposeMeasured(kv::Request request) {
    if (request_.ByteSizeLong() + kEnvelopeBytes > options().max_request_bytes) {
      return Fail(ToStatus(EtcdError::kRequestTooLarge));
    }
    Propose(std::move(request));
  }

  void Reply(kv::Revision revision) {
    FillHeader(revision, response_.mutable_header());
    Complete(revision);
  }

  const Request& request_;
  Response& response_;
};

class RangeCall final : public KvCall<pb::RangeRequest, pb::RangeResponse> {
 public:
  using KvCall::KvCall;

  void Begin() {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    range_ = FromProto(request_);
    if (const kv::Error error = kv::Validate(range_); error != kv::Error::kNone) {
      return Fail(ToStatus(error));
    }
    BeginRead(!range_.serializable, kv::IsPointRead(range_) ? ReadKind::kPoint : ReadKind::kRange);
  }

 private:
  void Read(const kv::ReadView& view) override {
    kv::ReadResult<kv::RangeResponse> result = view.Range(range_, [this] { return GivenUp(); });
    if (result.error != kv::Error::kNone) return FailRead(result.error);
    ToProto(std::move(result.response), response_);
    Reply(view.revision());
  }

  kv::RangeRequest range_;
};

// Put and DeleteRange.
template <class Request, class Response, class KvResponse>
class WriteCall final : public KvCall<Request, Response> {
 public:
  using KvCall<Request, Response>::KvCall;

  void Begin() {
    if (const grpc::Status status = this->Admit(); !status.ok()) return this->Fail(status);
    auto write = FromProto(this->request_);
    if (const kv::Error error = kv::Validate(write); error != kv::Error::kNone) {
      return this->Fail(ToStatus(error));
    }
    this->ProposeMeasured(std::move(write));
  }

 private:
  void Written(kv::Result result) override {
    ToProto(std::get<KvResponse>(std::move(result.response)), this->response_);
    this->Reply(result.revision);
  }
};
using PutCall = WriteCall<pb::PutRequest, pb::PutResponse, kv::PutResponse>;
using DeleteRangeCall =
    WriteCall<pb::DeleteRangeRequest, pb::DeleteRangeResponse, kv::DeleteRangeResponse>;

class TxnCall final : public KvCall<pb::TxnRequest, pb::TxnResponse> {
 public:
  using KvCall::KvCall;

  void Begin() {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    const int max_ops = options().max_txn_ops;
    if (const grpc::Status status = FromProto(request_, max_ops, txn_); !status.ok()) {
      return Fail(status);
    }
    if (const kv::Error error = kv::Validate(txn_, max_ops); error != kv::Error::kNone) {
      return Fail(ToStatus(error));
    }
    if (!kv::IsReadOnly(txn_)) return ProposeMeasured(std::move(txn_));
    BeginRead(!kv::IsSerializable(txn_),
              kv::IsPointRead(txn_) ? ReadKind::kPoint : ReadKind::kRange);
  }

 private:
  void Read(const kv::ReadView& view) override {
    kv::ReadResult<kv::TxnResponse> result = view.Txn(txn_, [this] { return GivenUp(); });
    if (result.error != kv::Error::kNone) return FailRead(result.error);
    ToProto(std::move(result.response), view.revision(), response_);
    Reply(view.revision());
  }

  void Written(kv::Result result) override {
    ToProto(std::get<kv::TxnResponse>(std::move(result.response)), result.revision, response_);
    Reply(result.revision);
  }

  kv::TxnRequest txn_;
};

class CompactCall final : public KvCall<pb::CompactionRequest, pb::CompactionResponse> {
 public:
  using KvCall::KvCall;

  void Begin() {
    if (const grpc::Status status = Admit(); !status.ok()) return Fail(status);
    ProposeMeasured(kv::CompactRequest{request_.revision(), request_.physical()});
  }

 private:
  void Written(kv::Result result) override { Reply(result.revision); }
};

template <class SomeCall, class... Arguments>
grpc::ServerUnaryReactor* Start(Arguments... arguments) {
  auto* call = new SomeCall(arguments...);  // deletes itself when gRPC is done with it
  call->Begin();
  return call;
}

}  // namespace

grpc::ServerUnaryReactor* KvService::Range(grpc::CallbackServerContext* context,
                                           const pb::RangeRequest* request,
                                           pb::RangeResponse* response) {
  return Start<RangeCall>(std::cref(environment_), Method::kRange, context, request, response);
}

grpc::ServerUnaryReactor* KvService::Put(grpc::CallbackServerContext* context,
                                         const pb::PutRequest* request, pb::PutResponse* response) {
  return Start<PutCall>(std::cref(environment_), Method::kPut, context, request, response);
}

grpc::ServerUnaryReactor* KvService::DeleteRange(grpc::CallbackServerContext* context,
                                                 const pb::DeleteRangeRequest* request,
                                                 pb::DeleteRangeResponse* response) {
  return Start<DeleteRangeCall>(std::cref(environment_), Method::kDeleteRange, context, request,
                                response);
}

grpc::ServerUnaryReactor* KvService::Txn(grpc::CallbackServerContext* context,
                                         const pb::TxnRequest* request, pb::TxnResponse* response) {
  return Start<TxnCall>(std::cref(environment_), Method::kTxn, context, request, response);
}

grpc::ServerUnaryReactor* KvService::Compact(grpc::CallbackServerContext* context,
                                             const pb::CompactionRequest* request,
                                             pb::CompactionResponse* response) {
  return Start<CompactCall>(std::cref(environment_), Method::kCompact, context, request, response);
}

}  // namespace synod::rpc
