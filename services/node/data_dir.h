// Everything a node keeps on disk, opened and put together:
//
//   <data-dir>/log/    the acceptor log (identity included)
//   <data-dir>/state/  the state engine
//
// The directory is locked against a second process for as long as this lives.
#ifndef SYNOD_SERVICES_NODE_DATA_DIR_H_
#define SYNOD_SERVICES_NODE_DATA_DIR_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "common/ids.h"
#include "services/kv/state_machine.h"
#include "services/paxos/configuration.h"
#include "services/paxos/record.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/engine.h"

namespace synod::node {

// The only group of today.
inline constexpr GroupId kGroup{1};

class DataDir {
 public:
  struct Options {
    std::string path;
    ClusterId cluster;
    NodeId self;
    bool must_exist = false;  // refuse a directory without a member in it

    paxos::ConfigurationHistory configurations;  // those of a state that is still empty
    uint64_t new_instance = 0;                   // random; names the log if it is made now
  };

  // FailedPrecondition, with nothing touched, when another process uses the directory, when it
  // belongs to another cluster or member, has a newer format, or is empty and must not be;
  // PermissionDenied when it cannot be used; DataLoss when it does not add up.
  static absl::StatusOr<std::unique_ptr<DataDir>> Open(Options options);

  ~DataDir();
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  storage::AcceptorLog* log() const { return log_.get(); }
  storage::Engine* engine() const { return engine_.get(); }
  kv::StateMachine* machine() const { return machine_.get(); }

  // What log and engine add up to, for the replica; once.
  paxos::RecoveredState TakeRecovered() { return std::move(recovered_); }

 private:
  explicit DataDir(int lock) : lock_(lock) {}
  absl::Status Load(const Options& options);

  const int lock_;  // descriptor of the locked directory
  std::unique_ptr<storage::AcceptorLog> log_;
  std::unique_ptr<storage::Engine> engine_;
  std::unique_ptr<kv::StateMachine> machine_;
  paxos::RecoveredState recovered_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_DATA_DIR_H_
