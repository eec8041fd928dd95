// A TestNode behind a real server on a free loopback port, with stubs for its clients.
#ifndef SYNOD_TESTS_UNIT_RPC_SERVED_NODE_H_
#define SYNOD_TESTS_UNIT_RPC_SERVED_NODE_H_

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "services/rpc/client_server.h"
#include "tests/unit/rpc/test_node.h"

namespace synod::rpc {

class ServedNode {
 public:
  explicit ServedNode(ClientServerOptions options = {}) {
    options.listen = {"127.0.0.1:0"};
    auto started = ClientServer::Start(std::move(options), &node);
    EXPECT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
    channel = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", server->ports().at(0)); }

  TestNode node;
  std::unique_ptr<ClientServer> server;
  std::shared_ptr<grpc::Channel> channel;
};

// A context whose call fails rather than hangs.
class Context : public grpc::ClientContext {
 public:
  explicit Context(absl::Duration timeout = absl::Seconds(20)) {
    set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout));
  }
  std::string trailer(const char* key) const {
    const auto& all = GetServerTrailingMetadata();
    const auto found = all.find(key);
    return found == all.end() ? "" : std::string(found->second.data(), found->second.size());
  }
};

}  // namespace synod::rpc

#endif  // SYNOD_TESTS_UNIT_RPC_SERVED_NODE_H_
