// One unary etcd call from its arrival to its answer, and the conventions that all of them follow:
// admission, deadlines, response headers and metadata.
//
// A call is a gRPC reactor: made by the method handler, deleted by gRPC when the answer is out. A
// client that goes away, or a deadline that passes, ends a read at its next step; a write goes on,
// and its answer is thrown away.
//
// Thread-safety: one thread at a time; the node's callbacks and the read pools hand it on.
#ifndef SYNOD_SERVICES_RPC_CALL_H_
#define SYNOD_SERVICES_RPC_CALL_H_

#include <string>

#include "absl/time/time.h"
#include "etcd/header.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "services/rpc/backend.h"
#include "services/rpc/call_observer.h"
#include "services/rpc/client_server.h"
#include "services/rpc/read_pool.h"

namespace synod::rpc {

// What the calls of one server share; outlives them.
struct CallEnvironment {
  Backend* backend = nullptr;
  ReadPool* point_reads = nullptr;  // of single keys, so that they do not queue behind ranges
  ReadPool* range_reads = nullptr;
  ReadPool* whole_reads = nullptr;  // of the whole store
  ClientServerOptions options;

  // Of the backend's status; they never change.
  ClusterId cluster;
  NodeId self;
  std::string name;
};

class Call : public grpc::ServerUnaryReactor {
 public:
  Call(const CallEnvironment& environment, Method method, grpc::CallbackServerContext* context);

  void OnDone() final { delete this; }

 protected:
  ~Call() override = default;

  Backend& backend() { return *environment_.backend; }
  const ClientServerOptions& options() const { return environment_.options; }

  // Reads the request's metadata. Not OK: complete the call with it.
  //   client-api-version    must be UTF-8; nothing else is made of it
  //   hasleader: true       refuse at once when no leader is known
  //   synod-min-revision    see BeginRead
  grpc::Status Admit();

  // kWhole: of the whole store, one at a time.
  enum class ReadKind : uint8_t { kPoint, kRange, kWhole };

  // Runs Read with a view: the newest one, or, when `linearizable`, one that shows every write
  // acknowledged before now. Waits likewise when the view is older than the client's
  // synod-min-revision. Completes the call itself when there is no such view. A range waits for a
  // thread in any case, so that few run at once however many are asked for.
  void BeginRead(bool linearizable, ReadKind kind = ReadKind::kPoint);
  virtual void Read(const kv::ReadView& view);

  // Read asks it while it walks: whether the client went away, or was to be answered by now. As in
  // etcd the server's own timeout does not count any more: the node has done its part.
  bool GivenUp() const;

  // Completes the call with the error of a read.
  void FailRead(kv::Error error);

  // Runs Written once the request is applied here, or completes the call with the reason why not. A
  // request that an alarm stands against is refused without being proposed.
  void Propose(kv::Request request);
  virtual void Written(kv::Result result);

  // When the node must have answered: after the server's timeout, or before the client loses
  // patience.
  absl::Duration Deadline() const;

  // What the client is told.
  grpc::Status Explain(Failure failure) const;

  void FillHeader(kv::Revision revision, etcdserverpb::ResponseHeader* header) const;

  // Answer the client; the call must not be touched afterwards.
  void Complete(kv::Revision revision);
  void Fail(const grpc::Status& status);

 private:
  void ReadNewest();
  void ProposeNow(kv::Request request);
  void Answer(const grpc::Status& status);
  void PostRead();
  ReadPool* Pool() const;

  const CallEnvironment& environment_;
  const Method method_;
  grpc::CallbackServerContext* const context_;
  const absl::Duration started_;
  const absl::Duration client_deadline_;
  const absl::Duration deadline_;
  ReadKind read_kind_ = ReadKind::kPoint;
  kv::Revision min_revision_ = 0;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_CALL_H_
