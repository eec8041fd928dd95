// Everything a node keeps on disk, opened and put together:
//
//   <data-dir>/log/                       the acceptor log (identity included)
//   <data-dir>/state/, state-2/           the state engine, and where a snapshot comes in
//   <data-dir>/state-control              which is which (storage/state_directories.h)
//   <data-dir>/state.damaged-<n>/         a damaged state, kept for inspection
//   <data-dir>/snapshots/                 copies made for other members
//
// The directory is locked against a second process for as long as this lives.
#ifndef SYNOD_SERVICES_NODE_DATA_DIR_H_
#define SYNOD_SERVICES_NODE_DATA_DIR_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "common/ids.h"
#include "services/node/applied_state.h"
#include "services/paxos/configuration.h"
#include "services/paxos/record.h"
#include "services/storage/acceptor_log.h"
#include "services/storage/env.h"
#include "services/storage/state_directories.h"

namespace synod::node {

// The only group of today.
inline constexpr GroupId kGroup{1};

// The engine in this directory, made when there is none, and its state machine. DataLoss when it is
// damaged, or was found to be so before (MarkDamaged).
absl::StatusOr<std::shared_ptr<State>> OpenState(const std::string& dir);

// The same, once every block of the database has been read; Cancelled soon after `cancelled` has
// turned true.
absl::StatusOr<std::shared_ptr<State>> OpenWholeState(const std::string& dir,
                                                      std::function<bool()> cancelled);

// Notes durably that this state is damaged, and why it is thought to be: found while it was in use,
// in a block that an opening does not read. The next start puts it aside.
absl::Status MarkDamaged(const State& state, absl::string_view why);

// DataLoss, with what to do, when the directory has a state but no log.
absl::Status CheckLogNotLost(storage::Env* env, const std::string& data_dir);

class DataDir {
 public:
  struct Options {
    std::string path;
    ClusterId cluster;
    NodeId self;

    // The configuration that the cluster was founded with, when that is known; only a log that
    // begins with the first slot can start from it.
    std::optional<paxos::Configuration> first;

    uint64_t new_instance = 0;  // random; names the log if it is made now

    std::function<bool()> told_to_stop = [] { return false; };

    // What the log and the directories of the states are kept with; an engine has its own ways.
    storage::Env* env = storage::Env::Posix();
    storage::AcceptorLogOptions log = {};  // its segments; the rest is filled in
  };

  // FailedPrecondition, with nothing touched, when another process uses the directory, when it
  // belongs to another cluster or member, or has a newer format; PermissionDenied when it cannot be
  // used; DataLoss when the log cannot say what this node promised, or is gone while the state is
  // there; Cancelled: it was told to stop.
  //
  // A state that is lost or damaged is not an error: it is put aside, and comes back out of the log
  // or from another member. A snapshot whose installation was interrupted is installed.
  static absl::StatusOr<std::unique_ptr<DataDir>> Open(Options options);

  ~DataDir();
  DataDir(const DataDir&) = delete;
  DataDir& operator=(const DataDir&) = delete;

  const std::string& path() const { return options_.path; }
  storage::AcceptorLog* log() const { return log_.get(); }
  AppliedState* state() const { return state_.get(); }
  storage::StateDirectories* state_directories() const { return directories_.get(); }

  // What log and engine add up to, for the replica; once. Its configurations are empty when only
  // another member can say who the members are.
  paxos::RecoveredState TakeRecovered() { return std::move(recovered_); }

  // What was found amiss and dealt with, a line each, for the operator.
  const std::vector<std::string>& remarks() const { return remarks_; }

  // Removes old damaged states, once the state is whole; says so, a line each.
  std::vector<std::string> ForgetOldDamage() const;

 private:
  DataDir(Options options, int lock) : options_(std::move(options)), lock_(lock) {}
  absl::Status Load();
  absl::Status LoadLog();
  absl::Status LoadState();
  absl::StatusOr<std::shared_ptr<State>> OpenOrReplaceState();
  absl::Status FinishInstalling();
  absl::StatusOr<paxos::ConfigurationHistory> Configurations() const;

  const Options options_;
  const int lock_;  // descriptor of the locked directory
  std::unique_ptr<storage::AcceptorLog> log_;
  std::unique_ptr<storage::StateDirectories> directories_;
  std::unique_ptr<AppliedState> state_;
  paxos::RecoveredState recovered_;
  std::vector<std::string> remarks_;
};

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_DATA_DIR_H_
