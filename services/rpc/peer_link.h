// The outgoing half of the peer transport: one stream to one peer, reopened for ever.
//
//   connecting --Welcome--> open --stream ends--> waiting (back-off) --> connecting
//
// While it is not open, messages are dropped: what waits for a dead peer is stale when it returns.
//
// Thread-safety: all methods from any thread.
#ifndef SYNOD_SERVICES_RPC_PEER_LINK_H_
#define SYNOD_SERVICES_RPC_PEER_LINK_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/ids.h"
#include "common/random.h"
#include "grpcpp/alarm.h"
#include "services/paxos/message.h"
#include "services/rpc/peer_transport.h"
#include "synod/paxos/v1/peer.grpc.pb.h"

namespace synod::rpc {

struct PeerLinkOptions {
  ClusterId cluster;
  NodeId self;
  NodeId peer;
  std::string address;            // host:port
  PeerIntroduction introduction;  // of this node; goes into the hello
  size_t max_queue_bytes = 0;
  uint64_t seed = 0;  // of the jitter

  // As in PeerTransportOptions; asked for each hello.
  std::function<uint64_t()> configuration_version;

  // OK when the link opens; otherwise why it broke or was refused, unless the last report had the
  // same code. On a gRPC thread; must not block.
  std::function<void(const absl::Status&)> changed;
};

class PeerLink {
 public:
  // Begins to connect.
  explicit PeerLink(PeerLinkOptions options);
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  // Cancels the stream and waits for its callbacks. Not from a callback.
  ~PeerLink();

  const std::string& address() const { return options_.address; }

  // Queues the message, or drops it when the link is not open or the queue is full.
  void Send(paxos::Message message);

  // Writes what is queued unless a write is under way: its end starts the next.
  void Flush();

 private:
  class Stream;

  // What the stream's callbacks lead to.
  void Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Welcomed();
  void Ended();
  void Written(bool ok);
  void Closed(const grpc::Status& status);
  void Report(absl::Status status);

  void Drop() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<paxos::Message> TakeBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const PeerLinkOptions options_;
  const std::unique_ptr<paxos::v1::Peer::Stub> stub_;

  absl::Mutex mutex_;
  std::unique_ptr<Stream> stream_ ABSL_GUARDED_BY(mutex_);      // null during the back-off
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);  // set during the back-off
  bool open_ ABSL_GUARDED_BY(mutex_) = false;     // welcomed, and may still be written to
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;  // an envelope is on its way
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;    // the peer or the connection ended the stream
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;  // the destructor runs
  std::deque<paxos::Message> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration backoff_ ABSL_GUARDED_BY(mutex_);
  Random random_ ABSL_GUARDED_BY(mutex_);

  // Of the last report; callbacks that report do not overlap.
  std::optional<absl::StatusCode> reported_;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_PEER_LINK_H_
