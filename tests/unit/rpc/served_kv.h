// The KV stub of a served TestNode, with the calls that tests make most.
#ifndef SYNOD_TESTS_UNIT_RPC_SERVED_KV_H_
#define SYNOD_TESTS_UNIT_RPC_SERVED_KV_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "etcd/kv.grpc.pb.h"
#include "tests/unit/rpc/served_node.h"

namespace synod::rpc {

// "CODE text", or "OK".
inline std::string Text(const grpc::Status& status) {
  return status.ok() ? "OK" : absl::StrCat(status.error_code(), " ", status.error_message());
}

class ServedKv : public ::testing::Test {
 protected:
  static ClientServerOptions Options() {
    ClientServerOptions options;
    options.max_request_bytes = 100'000;
    options.request_timeout = absl::Milliseconds(300);
    return options;
  }

  grpc::Status Put(const std::string& key, const std::string& value,
                   etcdserverpb::PutResponse* response = nullptr) {
    etcdserverpb::PutRequest request;
    request.set_key(key);
    request.set_value(value);
    return Put(request, response);
  }
  grpc::Status Put(const etcdserverpb::PutRequest& request,
                   etcdserverpb::PutResponse* response = nullptr) {
    Context context;
    etcdserverpb::PutResponse unused;
    return kv->Put(&context, request, response == nullptr ? &unused : response);
  }
  grpc::Status Range(const etcdserverpb::RangeRequest& request,
                     etcdserverpb::RangeResponse* response = nullptr) {
    Context context;
    etcdserverpb::RangeResponse unused;
    return kv->Range(&context, request, response == nullptr ? &unused : response);
  }
  grpc::Status Txn(const etcdserverpb::TxnRequest& request,
                   etcdserverpb::TxnResponse* response = nullptr) {
    Context context;
    etcdserverpb::TxnResponse unused;
    return kv->Txn(&context, request, response == nullptr ? &unused : response);
  }
  static etcdserverpb::RangeRequest Key(const std::string& key, bool serializable = false) {
    etcdserverpb::RangeRequest request;
    request.set_key(key);
    request.set_serializable(serializable);
    return request;
  }

  ServedNode served{Options()};
  std::unique_ptr<etcdserverpb::KV::Stub> kv = etcdserverpb::KV::NewStub(served.channel);
};

}  // namespace synod::rpc

#endif  // SYNOD_TESTS_UNIT_RPC_SERVED_KV_H_
