// The etcd v3 API as the tests use it: stubs on a connection of their own, with a deadline a call.
//
// Thread-safe. Nothing here retries: a call that fails has failed, and the test decides what that
// may mean.
#ifndef SYNOD_TESTS_E2E_CLIENT_H_
#define SYNOD_TESTS_E2E_CLIENT_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "etcd/cluster.grpc.pb.h"
#include "etcd/kv.grpc.pb.h"
#include "etcd/maintenance.grpc.pb.h"

namespace synod::e2e {

enum class Read { kLinearizable, kSerializable };

class Client {
 public:
  explicit Client(const std::string& address);

  grpc::Status Put(const std::string& key, const std::string& value, absl::Duration limit);
  // The key's value and versions in `response`.
  grpc::Status Get(const std::string& key, Read read, absl::Duration limit,
                   etcdserverpb::RangeResponse* response);
  // Every key that starts with `prefix`.
  grpc::Status List(const std::string& prefix, Read read, absl::Duration limit,
                    etcdserverpb::RangeResponse* response);
  grpc::Status Txn(const etcdserverpb::TxnRequest& request, absl::Duration limit,
                   etcdserverpb::TxnResponse* response);
  grpc::Status MemberAdd(const std::string& peer_url, absl::Duration limit,
                         etcdserverpb::MemberAddResponse* response);
  grpc::Status MemberRemove(uint64_t id, absl::Duration limit);
  grpc::Status MemberList(absl::Duration limit, etcdserverpb::MemberListResponse* response);
  grpc::Status MemberStatus(absl::Duration limit, etcdserverpb::StatusResponse* response);
  grpc::Status Compact(int64_t revision, absl::Duration limit);
  grpc::Status Defragment(absl::Duration limit);
  // Raising and disarming are in the name of `member`, which nobody checks.
  grpc::Status Alarm(etcdserverpb::AlarmRequest::AlarmAction action, uint64_t member,
                     etcdserverpb::AlarmType type, absl::Duration limit,
                     etcdserverpb::AlarmResponse* response);

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<etcdserverpb::Cluster::Stub> cluster_;
  std::unique_ptr<etcdserverpb::KV::Stub> kv_;
  std::unique_ptr<etcdserverpb::Maintenance::Stub> maintenance_;
};

}  // namespace synod::e2e

#endif  // SYNOD_TESTS_E2E_CLIENT_H_
