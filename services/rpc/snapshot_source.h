// A snapshot of the applied state as another node fetches it: a descriptor and files.
#ifndef SYNOD_SERVICES_RPC_SNAPSHOT_SOURCE_H_
#define SYNOD_SERVICES_RPC_SNAPSHOT_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace synod::rpc {

// Which byte of a snapshot.
struct SnapshotPlace {
  uint64_t snapshot = 0;  // its id; 0: of any, from its first byte on
  uint32_t file = 0;
  uint64_t offset = 0;
};

// Thread-safety: safe for concurrent use.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;

  // The encoded descriptor.
  virtual std::string descriptor() const = 0;

  virtual uint32_t files() const = 0;
  virtual uint64_t FileBytes(uint32_t file) const = 0;

  // Bytes from `offset` on, at most 1 MiB, never none. Precondition: there are some. DataLoss when
  // the file cannot be read.
  virtual absl::StatusOr<std::string> Read(uint32_t file, uint64_t offset) const = 0;
};

}  // namespace synod::rpc

#endif  // SYNOD_SERVICES_RPC_SNAPSHOT_SOURCE_H_
