#include "services/rpc/peer_service.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/arena.h"
#include "services/rpc/peer_codec.h"

namespace synod::rpc {
namespace {

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

}  // namespace

// Reads one envelope at a time: the next only when the receiver has taken the last, so that a slow
// node slows its peers down instead of filling up.
class PeerService::Stream final
    : public grpc::ServerBidiReactor<paxos::v1::Envelope, paxos::v1::Welcome> {
 public:
  Stream(PeerService* service, grpc::CallbackServerContext* context)
      : service_(service), context_(context), arena_(block_.data(), block_.size()) {
    ReadNext();
  }

  void Cancel() { context_->TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    if (const absl::Status status = from_ ? Deliver() : Greet(); !status.ok()) {
      return Finish(ToGrpc(status));
    }
    ReadNext();
  }

  void OnDone() override {
    if (from_) service_->Remove(from_, this);
    delete this;
  }

 private:
  // Parsed into memory that is used again for the next.
  void ReadNext() {
    arena_.Reset();
    envelope_ = google::protobuf::Arena::CreateMessage<paxos::v1::Envelope>(&arena_);
    StartRead(envelope_);
  }

  absl::Status Greet() {
    const NodeId from(envelope_->hello().from());
    if (absl::Status status = service_->Admit(envelope_->hello(), this); !status.ok()) {
      return status;
    }
    from_ = from;
    if (service_->introduced_) {
      const auto& urls = envelope_->hello().client_urls();
      service_->introduced_(from, {urls.begin(), urls.end()});
    }
    StartWrite(&welcome_);
    return absl::OkStatus();
  }

  absl::Status Deliver() {
    std::vector<paxos::Message> messages;
    messages.reserve(static_cast<size_t>(envelope_->messages_size()));
    for (paxos::v1::Message& encoded : *envelope_->mutable_messages()) {
      absl::StatusOr<paxos::Message> message = DecodeMessage(encoded, from_, service_->self_);
      if (!message.ok()) return message.status();
      messages.push_back(*std::move(message));
    }
    if (!messages.empty()) service_->receiver_(std::move(messages));
    return absl::OkStatus();
  }

  PeerService* const service_;
  grpc::CallbackServerContext* const context_;
  alignas(8) std::array<char, 4096> block_;  // enough for the envelopes of a quiet moment
  google::protobuf::Arena arena_;
  paxos::v1::Envelope* envelope_ = nullptr;
  const paxos::v1::Welcome welcome_;
  NodeId from_;  // NodeId() until the hello is accepted
};

PeerService::PeerService(ClusterId cluster, NodeId self, PeerTransport::Receiver receiver,
                         Introduced introduced)
    : cluster_(cluster),
      self_(self),
      receiver_(std::move(receiver)),
      introduced_(std::move(introduced)) {}

void PeerService::SetMembers(std::set<NodeId> members) {
  absl::MutexLock lock(&mutex_);
  members_ = std::move(members);
  for (const auto& [from, stream] : streams_) {
    if (members_.count(from) == 0) stream->Cancel();
  }
}

grpc::ServerBidiReactor<paxos::v1::Envelope, paxos::v1::Welcome>* PeerService::Exchange(
    grpc::CallbackServerContext* context) {
  return new Stream(this, context);
}

absl::Status PeerService::Admit(const paxos::v1::Hello& hello, Stream* stream) {
  const auto refuse = [&](const auto&... why) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", absl::Hex(self_.value()), " refuses: ", why...));
  };
  if (hello.protocol_version() != kPeerProtocolVersion) {
    return refuse("peer protocol ", hello.protocol_version(), ", this node speaks ",
                  kPeerProtocolVersion, "; run the same release on all nodes");
  }
  if (ClusterId(hello.cluster_id()) != cluster_) {
    return refuse("cluster ", absl::Hex(hello.cluster_id()), ", this node belongs to ",
                  absl::Hex(cluster_.value()),
                  "; compare --initial-cluster and --initial-cluster-token");
  }
  if (NodeId(hello.to()) != self_) {
    return refuse("the stream is meant for node ", absl::Hex(hello.to()),
                  "; compare the peer addresses in --initial-cluster");
  }
  absl::MutexLock lock(&mutex_);
  const NodeId from(hello.from());
  if (members_.count(from) == 0) {
    return refuse("node ", absl::Hex(hello.from()), " is no member that it knows of");
  }
  Stream*& current = streams_[from];
  if (current != nullptr) current->Cancel();
  current = stream;
  return absl::OkStatus();
}

void PeerService::Remove(NodeId from, Stream* stream) {
  absl::MutexLock lock(&mutex_);
  const auto found = streams_.find(from);
  if (found != streams_.end() && found->second == stream) streams_.erase(found);
}

}  // namespace synod::rpc
