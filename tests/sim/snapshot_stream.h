// What goes over the stream of a snapshot, as between rpc::SnapshotCall and rpc::SnapshotStream: a
// request, the descriptor, chunks in order, an end. Each stream is a connection of its own, which
// breaks when the network loses a piece of it; whoever waits finds out by waiting in vain.
#ifndef SYNOD_TESTS_SIM_SNAPSHOT_STREAM_H_
#define SYNOD_TESTS_SIM_SNAPSHOT_STREAM_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "common/ids.h"
#include "services/rpc/snapshot_source.h"

namespace synod::sim {

// Which stream: its taker and the taker's number for it.
struct StreamId {
  NodeId taker;
  uint64_t life = 0;  // of the taker
  uint64_t number = 0;

  friend bool operator==(const StreamId&, const StreamId&) = default;
};

struct SnapshotRequest {
  StreamId stream;
  Slot at_least;
  rpc::SnapshotPlace from;
};

struct SnapshotBegin {
  std::string descriptor;
};
struct SnapshotChunk {
  uint32_t file = 0;
  uint64_t offset = 0;
  std::string data;
};
struct SnapshotEnd {
  absl::Status status;
};

struct SnapshotPiece {
  StreamId stream;
  std::variant<SnapshotBegin, SnapshotChunk, SnapshotEnd> body;
};

}  // namespace synod::sim

#endif  // SYNOD_TESTS_SIM_SNAPSHOT_STREAM_H_
