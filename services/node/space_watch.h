// Looks after the room for this member's data and raises etcd's NOSPACE alarm in its name while
// there is still enough for what must go on: the log, compactions, deletes, flushes.
//
// It never disarms. As in etcd the operator does, once there is room; an alarm that is disarmed too
// early is raised again at the next look.
//
// Thread-safety: one thread at a time.
#ifndef SYNOD_SERVICES_NODE_SPACE_WATCH_H_
#define SYNOD_SERVICES_NODE_SPACE_WATCH_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "common/ids.h"
#include "common/log/log.h"
#include "services/rpc/backend.h"

namespace synod::node {

// What unprivileged users may still take of the file system that `path` is on. The error names the
// path.
absl::StatusOr<uint64_t> FreeBytes(const std::string& path);

class SpaceWatch {
 public:
  // Zero: no limit. Whatever they are, the alarm is raised when the log uses up its own reserve.
  struct Limits {
    uint64_t reserve_bytes = 0;  // raise when less is free
    uint64_t quota_bytes = 0;    // raise when the database is as large
  };
  struct Probes {
    std::function<absl::StatusOr<uint64_t>()> free_bytes;
    std::function<bool()> log_is_short;  // storage::AcceptorLog::short_of_space
  };

  // The pointers outlive this.
  SpaceWatch(Limits limits, Probes probes, rpc::Backend* backend, Log* log);

  // Looks, and raises the alarm when space is short and the cluster has no such alarm. Waits for
  // the cluster's answers, some seconds at most; without them it is left to the next look. Call it
  // often: what is written between two looks comes out of the reserve.
  void Look();

 private:
  std::string WhyShort();  // empty when it is not
  bool Raised() const;     // as far as this member knows
  bool AwaitNewest();      // from now on it knows what everybody knew before
  void Raise();

  const Limits limits_;
  const Probes probes_;
  rpc::Backend* const backend_;
  Log* const log_;
  const NodeId self_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_SPACE_WATCH_H_
