#include "services/rpc/peer_transport.h"

#include <chrono>
#include <set>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/check.h"
#include "services/rpc/listen.h"
#include "services/rpc/peer_link.h"
#include "services/rpc/peer_service.h"

namespace synod::rpc {
namespace {

class GrpcPeerTransport final : public PeerTransport {
 public:
  GrpcPeerTransport(PeerTransportOptions options, Receiver receiver)
      : options_(std::move(options)), service_(options_, std::move(receiver)) {}

  ~GrpcPeerTransport() override {
    StopServing();
    SetPeers({}, 0);
  }

  absl::Status Start() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    // Peers are trusted with any size: one message may carry all a node missed.
    builder.SetMaxReceiveMessageSize(-1);
    // Peers ping every two seconds; see peer_link.cc.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 500);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, 5'000);
    absl::StatusOr<ListeningServer> listening = Listen(builder, {options_.listen});
    if (!listening.ok()) return listening.status();
    server_ = std::move(listening->server);
    port_ = listening->ports.front();
    return absl::OkStatus();
  }

  void SetPeers(std::map<NodeId, std::string> peers, uint64_t configuration_version) override {
    std::set<NodeId> members;
    Links gone;
    {
      absl::WriterMutexLock lock(&mutex_);
      gone.swap(links_);
      for (auto& [peer, address] : peers) {
        SYNOD_CHECK(peer != options_.self) << "peer=" << peer;
        members.insert(peer);
        std::unique_ptr<PeerLink>& link = links_[peer];
        const auto old = gone.find(peer);
        if (old != gone.end() && old->second->address() == address) {
          link = std::move(old->second);
          gone.erase(old);
        } else {
          link = Connect(peer, address);
        }
      }
    }
    service_.SetMembers(std::move(members), configuration_version);
  }

  void Send(std::vector<paxos::Message> messages) override {
    absl::ReaderMutexLock lock(&mutex_);
    for (paxos::Message& message : messages) {
      const auto link = links_.find(message.to);
      if (link != links_.end()) link->second->Send(std::move(message));
    }
    for (const auto& [peer, link] : links_) link->Flush();
  }

  void StopServing() override {
    if (server_ == nullptr) return;
    // Returns when every stream is done, so no receiver call comes later.
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
  }

  uint16_t port() const override { return port_; }

 private:
  std::unique_ptr<PeerLink> Connect(NodeId peer, const std::string& address) {
    PeerLinkOptions link;
    link.cluster = options_.cluster;
    link.self = options_.self;
    link.peer = peer;
    link.address = address;
    link.introduction = options_.introduction;
    link.configuration_version = options_.configuration_version;
    link.max_queue_bytes = options_.max_queue_bytes;
    link.seed = options_.self.value() ^ (peer.value() << 1);
    if (options_.link_changed) {
      link.changed = [changed = options_.link_changed, peer = peer](const absl::Status& status) {
        changed(peer, status);
      };
    }
    return std::make_unique<PeerLink>(std::move(link));
  }

  using Links = std::map<NodeId, std::unique_ptr<PeerLink>>;

  const PeerTransportOptions options_;
  PeerService service_;
  std::unique_ptr<grpc::Server> server_;
  uint16_t port_ = 0;

  absl::Mutex mutex_;  // Send shares it: a link is in use only under it
  Links links_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<PeerTransport>> PeerTransport::Start(PeerTransportOptions options,
                                                                    Receiver receiver) {
  auto transport = std::make_unique<GrpcPeerTransport>(std::move(options), std::move(receiver));
  if (absl::Status status = transport->Start(); !status.ok()) return status;
  return transport;
}

}  // namespace synod::rpc
