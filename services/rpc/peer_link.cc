#include "services/rpc/peer_link.h"

#include <algorithm>
#include <array>
#include <utility>

#include "google/protobuf/arena.h"
#include "grpc/support/time.h"
#include "services/rpc/peer_channel.h"
#include "services/rpc/peer_codec.h"

namespace synod::rpc {
namespace {

// Large enough that its framing costs nothing, small enough to keep memory and latency down.
constexpr size_t kEnvelopeBytes = 1 << 20;

constexpr absl::Duration kFirstBackoff = absl::Milliseconds(20);
constexpr absl::Duration kMaxBackoff = absl::Milliseconds(320);

// Of the clock that nobody sets.
gpr_timespec After(absl::Duration delay) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(absl::ToInt64Microseconds(delay), GPR_TIMESPAN));
}

}  // namespace

// One attempt: a call, the messages it needs, and its callbacks handed to the link. A hold keeps
// the call from completing while the link may still start writes; the link removes it once the
// stream has ended and no write is under way.
class PeerLink::Stream final
    : public grpc::ClientBidiReactor<paxos::v1::Envelope, paxos::v1::Welcome> {
 public:
  explicit Stream(PeerLink* link) : link_(link), arena_(block_.data(), block_.size()) {}

  void Start() {
    link_->stub_->async()->Exchange(&context_, this);
    auto* hello = NewEnvelope()->mutable_hello();
    hello->set_cluster_id(link_->options_.cluster.value());
    hello->set_from(link_->options_.self.value());
    hello->set_to(link_->options_.peer.value());
    hello->set_protocol_version(kPeerProtocolVersion);
    for (const std::string& url : link_->options_.introduction.client_urls) {
      hello->add_client_urls(url);
    }
    hello->set_name(link_->options_.introduction.name);
    if (link_->options_.configuration_version) {
      hello->set_configuration_version(link_->options_.configuration_version());
    }
    AddHold();
    StartRead(&welcome_);
    StartWrite(envelope_);
    StartCall();
  }

  void Write(const std::vector<paxos::Message>& batch) {
    paxos::v1::Envelope* envelope = NewEnvelope();
    for (const paxos::Message& message : batch) EncodeMessage(message, *envelope->add_messages());
    StartWrite(envelope);
  }

  void Cancel() { context_.TryCancel(); }

  void OnReadDone(bool ok) override {
    if (!ok) return link_->Ended();
    link_->Welcomed();
    StartRead(&welcome_);  // ends with the stream: that is how an idle link notices
  }
  void OnWriteDone(bool ok) override { link_->Written(ok); }
  void OnDone(const grpc::Status& status) override { link_->Closed(status); }

 private:
  // One at a time, in memory that is used again for the next.
  paxos::v1::Envelope* NewEnvelope() {
    arena_.Reset();
    envelope_ = google::protobuf::Arena::CreateMessage<paxos::v1::Envelope>(&arena_);
    return envelope_;
  }

  PeerLink* const link_;
  grpc::ClientContext context_;
  alignas(8) std::array<char, 4096> block_;  // enough for the envelopes of a quiet moment
  google::protobuf::Arena arena_;
  paxos::v1::Envelope* envelope_ = nullptr;
  paxos::v1::Welcome welcome_;
};

PeerLink::PeerLink(PeerLinkOptions options)
    : options_(std::move(options)),
      stub_(paxos::v1::Peer::NewStub(ConnectToPeer(options_.address))),
      backoff_(kFirstBackoff),
      random_(options_.seed) {
  absl::MutexLock lock(&mutex_);
  Open();
}

PeerLink::~PeerLink() {
  absl::MutexLock lock(&mutex_);
  closing_ = true;
  Drop();
  if (stream_ != nullptr) stream_->Cancel();
  if (alarm_ != nullptr) alarm_->Cancel();
  const auto quiet = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stream_ == nullptr && alarm_ == nullptr;
  };
  mutex_.Await(absl::Condition(&quiet));
}

void PeerLink::Send(paxos::Message message) {
  const size_t bytes = ApproximateBytes(message);
  absl::MutexLock lock(&mutex_);
  if (!open_) return;
  // A message larger than the queue goes alone: it would never get through otherwise.
  if (!queue_.empty() && queued_bytes_ + bytes > options_.max_queue_bytes) return;
  queue_.push_back(std::move(message));
  queued_bytes_ += bytes;
}

void PeerLink::Flush() {
  Stream* stream = nullptr;
  std::vector<paxos::Message> batch;
  {
    absl::MutexLock lock(&mutex_);
    if (!open_ || writing_ || queue_.empty()) return;
    writing_ = true;
    batch = TakeBatch();
    stream = stream_.get();
  }
  // Encoding and writing need no lock: while writing_ is set the stream stays and is ours.
  stream->Write(batch);
}

std::vector<paxos::Message> PeerLink::TakeBatch() {
  std::vector<paxos::Message> batch;
  size_t bytes = 0;
  while (!queue_.empty() && (batch.empty() || bytes < kEnvelopeBytes)) {
    bytes += ApproximateBytes(queue_.front());
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  return batch;
}

void PeerLink::Drop() {
  open_ = false;
  queue_.clear();
  queued_bytes_ = 0;
}

void PeerLink::Open() {
  writing_ = true;  // the hello
  ended_ = false;
  stream_ = std::make_unique<Stream>(this);
  stream_->Start();
}

void PeerLink::Welcomed() {
  {
    absl::MutexLock lock(&mutex_);
    open_ = !closing_;
    backoff_ = kFirstBackoff;
  }
  Report(absl::OkStatus());
}

void PeerLink::Ended() {
  Stream* stream = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    Drop();
    ended_ = true;
    if (!writing_) stream = stream_.get();
  }
  if (stream != nullptr) stream->RemoveHold();
}

void PeerLink::Written(bool ok) {
  Stream* done = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) Drop();
    if (ended_) done = stream_.get();
  }
  if (done != nullptr) {
    done->RemoveHold();
  } else {
    Flush();
  }
}

void PeerLink::Closed(const grpc::Status& status) {
  // A receiver never ends a stream by itself, so OK too means that it is gone.
  Report(status.ok() ? absl::UnavailableError("the peer ended the stream")
                     : absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                                    status.error_message()));
  absl::MutexLock lock(&mutex_);
  // Under the lock, so that the destructor cannot drop its stub first: the stream would hold the
  // last share of the channel, and gRPC would join the thread that we are on.
  stream_.reset();
  if (closing_) return;
  const absl::Duration delay = backoff_ * (0.5 + 0.5 * random_.Unit());
  backoff_ = std::min(2 * backoff_, kMaxBackoff);
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(After(delay), [this](bool) {
    absl::MutexLock relock(&mutex_);
    alarm_.reset();
    if (!closing_) Open();
  });
}

void PeerLink::Report(absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (closing_) return;
  }
  if (reported_ == status.code()) return;
  reported_ = status.code();
  if (options_.changed) options_.changed(status);
}

}  // namespace synod::rpc
