#include "services/rpc/peer_service.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/arena.h"
#include "services/rpc/member_codec.h"
#include "services/rpc/peer_codec.h"
#include "services/rpc/snapshot_stream.h"

namespace synod::rpc {
namespace {

// Sent at the same time.
constexpr int kMaxSnapshotStreams = 4;

// Asked for and not begun: one is made at a time.
constexpr size_t kMaxQueuedHashes = 2;

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

std::string OtherProtocol(uint32_t version) {
  return absl::StrCat("peer protocol ", version, ", this node speaks ", kPeerProtocolVersion,
                      "; run the same release on all nodes");
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
    if (service_->options_.peer_introduced) {
      const paxos::v1::Hello& hello = envelope_->hello();
      service_->options_.peer_introduced(
          from, {hello.name(), {hello.client_urls().begin(), hello.client_urls().end()}});
    }
    StartWrite(&welcome_);
    return absl::OkStatus();
  }

  absl::Status Deliver() {
    std::vector<paxos::Message> messages;
    messages.reserve(static_cast<size_t>(envelope_->messages_size()));
    for (paxos::v1::Message& encoded : *envelope_->mutable_messages()) {
      absl::StatusOr<paxos::Message> message =
          DecodeMessage(encoded, from_, service_->options_.self);
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

// A unary call: made by its handler, deleted by gRPC when the answer is out.
class PeerService::Answer final : public grpc::ServerUnaryReactor {
 public:
  void Fail(absl::StatusCode code, absl::string_view why) { Finish(ToGrpc({code, why})); }
  void OnDone() override { delete this; }
};

PeerService::PeerService(const PeerTransportOptions& options, PeerTransport::Receiver receiver)
    : options_(options),
      receiver_(std::move(receiver)),
      snapshots_(/*threads=*/1, /*max_queued=*/2 * kMaxSnapshotStreams),
      hashes_(/*threads=*/1, kMaxQueuedHashes) {}

void PeerService::SetMembers(std::set<NodeId> members, uint64_t configuration_version) {
  absl::MutexLock lock(&mutex_);
  members_ = std::move(members);
  configuration_version_ = configuration_version;
  for (const auto& [from, stream] : streams_) {
    if (members_.count(from) == 0) stream->Cancel();
  }
}

grpc::ServerBidiReactor<paxos::v1::Envelope, paxos::v1::Welcome>* PeerService::Exchange(
    grpc::CallbackServerContext* context) {
  return new Stream(this, context);
}

grpc::ServerUnaryReactor* PeerService::Join(grpc::CallbackServerContext*,
                                            const paxos::v1::JoinRequest* request,
                                            paxos::v1::JoinResponse* response) {
  auto* call = new Answer;
  if (request->protocol_version() != kPeerProtocolVersion) {
    call->Fail(absl::StatusCode::kFailedPrecondition, OtherProtocol(request->protocol_version()));
    return call;
  }
  if (!options_.join) {
    call->Fail(absl::StatusCode::kUnavailable, "this node knows no members yet");
    return call;
  }
  const auto answer = options_.join({request->peer_urls().begin(), request->peer_urls().end()});
  if (!answer.ok()) {
    call->Finish(ToGrpc(answer.status()));
    return call;
  }
  response->set_cluster_id(answer->cluster.value());
  response->set_member_id(answer->member.value());
  response->set_configuration_version(answer->configuration_version);
  for (const Member& member : answer->members) EncodeMember(member, *response->add_members());
  call->Finish(grpc::Status::OK);
  return call;
}

grpc::ServerUnaryReactor* PeerService::ChangeMembers(grpc::CallbackServerContext*,
                                                     const paxos::v1::ChangeMembersRequest* request,
                                                     paxos::v1::ChangeMembersResponse* response) {
  auto* call = new Answer;
  auto change = DecodeMemberChange(*request);
  if (!change.ok()) {
    call->Finish(ToGrpc(change.status()));
    return call;
  }
  const auto done = [call, response](MemberOutcome outcome) {
    EncodeMemberOutcome(outcome, *response);
    call->Finish(grpc::Status::OK);
  };
  if (ClusterId(request->cluster_id()) != options_.cluster || !options_.change_members ||
      !options_.change_members(*std::move(change), absl::Milliseconds(request->timeout_ms()),
                               done)) {
    call->Fail(absl::StatusCode::kFailedPrecondition, "this node does not lead the cluster");
  }
  return call;
}

grpc::ServerWriteReactor<paxos::v1::SnapshotChunk>* PeerService::FetchSnapshot(
    grpc::CallbackServerContext*, const paxos::v1::FetchSnapshotRequest* request) {
  SnapshotStream::Open open =
      [this, cluster = ClusterId(request->cluster_id()), from = NodeId(request->from()),
       at_least = Slot(request->at_least()),
       id = request->snapshot()]() -> absl::StatusOr<std::shared_ptr<const SnapshotSource>> {
    if (cluster != options_.cluster || !IsMember(from) || !options_.open_snapshot) {
      return absl::FailedPreconditionError("no snapshot for a stranger");
    }
    return options_.open_snapshot(at_least, id);
  };
  if (snapshot_streams_.fetch_add(1) >= kMaxSnapshotStreams) {
    open = [] { return absl::ResourceExhaustedError("too many snapshots are being sent"); };
  }
  return new SnapshotStream(&snapshots_, std::move(open),
                            {request->snapshot(), request->file(), request->offset()},
                            [this] { snapshot_streams_.fetch_sub(1); });
}

grpc::ServerUnaryReactor* PeerService::HashStore(grpc::CallbackServerContext* context,
                                                 const paxos::v1::HashStoreRequest* request,
                                                 paxos::v1::HashStoreResponse* response) {
  auto* call = new Answer;
  if (ClusterId(request->cluster_id()) != options_.cluster || !IsMember(NodeId(request->from())) ||
      !options_.hash_store) {
    call->Fail(absl::StatusCode::kFailedPrecondition, "no hash for a stranger");
    return call;
  }
  if (request->form() != kv::kHashForm) {
    call->Fail(absl::StatusCode::kFailedPrecondition,
               absl::StrCat("hash of form ", request->form(), ", this node makes form ",
                            kv::kHashForm, "; run the same release on all nodes"));
    return call;
  }
  const auto work = [this, call, context, revision = request->revision(), response] {
    const auto hash = options_.hash_store(revision, [context] { return context->IsCancelled(); });
    if (!hash.ok()) return call->Finish(ToGrpc(hash.status()));
    response->set_hash(hash->hash);
    response->set_compact_revision(hash->compact_revision);
    call->Finish(grpc::Status::OK);
  };
  if (!hashes_.Post(work)) {
    call->Fail(absl::StatusCode::kResourceExhausted, "too many hashes have been asked for");
  }
  return call;
}

bool PeerService::IsMember(NodeId node) {
  absl::MutexLock lock(&mutex_);
  return members_.count(node) != 0;
}

absl::Status PeerService::Admit(const paxos::v1::Hello& hello, Stream* stream) {
  const auto refuse = [&](const auto&... why) {
    return absl::FailedPreconditionError(
        absl::StrCat("node ", absl::Hex(options_.self.value()), " refuses: ", why...));
  };
  if (hello.protocol_version() != kPeerProtocolVersion) {
    return refuse(OtherProtocol(hello.protocol_version()));
  }
  if (ClusterId(hello.cluster_id()) != options_.cluster) {
    return refuse("cluster ", absl::Hex(hello.cluster_id()), ", this node belongs to ",
                  absl::Hex(options_.cluster.value()),
                  "; compare --initial-cluster and --initial-cluster-token, or, to join a running "
                  "cluster, start with an empty --data-dir and --initial-cluster-state=existing");
  }
  if (NodeId(hello.to()) != options_.self) {
    return refuse("the stream is meant for node ", absl::Hex(hello.to()),
                  "; compare the peer addresses in --initial-cluster");
  }
  absl::MutexLock lock(&mutex_);
  const NodeId from(hello.from());
  if (members_.count(from) == 0) {
    if (hello.configuration_version() < configuration_version_) {
      // Nobody on the way says NOT_FOUND: gRPC makes PERMISSION_DENIED of a firewall's page.
      return absl::NotFoundError(
          absl::StrCat("node ", absl::Hex(hello.from()), " has been removed from the cluster"));
    }
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
