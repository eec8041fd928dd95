// Where a node keeps its engine, and how a snapshot takes its place. In the data directory:
//
//   state, state-2   two directories: one is the engine's, a snapshot comes in at the other
//   state-control    which is which, and what is coming in; written whole, by rename
//
// So the change from one state to the other is a single rename, whatever the engine's files are,
// and at any moment exactly one of the two is the engine's. Without a control file it is `state`.
//
// Thread-safety: one owner at a time. A data directory belongs to one process (its log is locked).
#ifndef SYNOD_SERVICES_STORAGE_STATE_DIRECTORIES_H_
#define SYNOD_SERVICES_STORAGE_STATE_DIRECTORIES_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/ids.h"
#include "services/storage/env.h"
#include "services/storage/snapshot.h"

namespace synod::storage {

// A snapshot that is not installed (yet).
struct IncomingSnapshot {
  SnapshotDescriptor descriptor;
  bool complete = false;  // every file is there, verified and durable
};

class StateDirectories {
 public:
  // Creates `root` when there is none. DataLoss when the control file is damaged or missing, so
  // that it is not known which directory counts.
  static absl::StatusOr<std::unique_ptr<StateDirectories>> Open(Env* env, std::string root);

  std::string current() const;       // the engine's
  std::string incoming_dir() const;  // the other one
  const std::optional<IncomingSnapshot>& incoming() const { return incoming_; }

  // Declares that this snapshot's files will be in incoming_dir(), and empties the directory unless
  // they are there already.
  absl::Status Begin(const SnapshotDescriptor& snapshot);

  // Declares the incoming snapshot complete.
  absl::Status Complete();

  // Makes the incoming snapshot the engine's state: durably, at once or not at all. Then removes
  // the old one. Preconditions: it is complete; no engine is open in current(); the log's cut
  // through the snapshot's slot is durable.
  absl::Status Install();

  // Gives up what is coming in, and frees its space.
  absl::Status Discard();

  // For the one download at a time: false when there is one.
  bool AcquireIncoming() { return !std::exchange(downloading_, true); }
  void ReleaseIncoming() { downloading_ = false; }

 private:
  StateDirectories(Env* env, std::string root) : env_(env), root_(std::move(root)) {}
  std::string Path(size_t which) const;
  absl::Status Load();
  absl::Status Undecided(absl::string_view what) const;
  absl::Status Store(size_t current, std::optional<IncomingSnapshot> incoming);

  Env* const env_;
  const std::string root_;
  size_t current_ = 0;
  std::optional<IncomingSnapshot> incoming_;
  bool downloading_ = false;
};

// What a start does about a snapshot that it finds.
enum class IncomingAction {
  kNothing,  // there is none
  kDiscard,  // it is no use: of another cluster, or not ahead of the engine
  kResume,   // offer it to SnapshotDownload again, if a peer still has it
  kInstall,  // cut the log durably through its slot, then Install
};
IncomingAction WhatToDo(const std::optional<IncomingSnapshot>& incoming, ClusterId cluster,
                        Slot applied);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_STATE_DIRECTORIES_H_
