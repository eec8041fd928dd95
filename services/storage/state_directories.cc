#include "services/storage/state_directories.h"

#include <xxhash.h>

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bytes.h"
#include "common/check.h"
#include "services/storage/durable_file.h"

namespace synod::storage {
namespace {

constexpr std::array<absl::string_view, 2> kDirectories = {"state", "state-2"};
constexpr absl::string_view kControl = "state-control";
constexpr uint64_t kMagic = 0x31544154444e5953;  // "SYNDTAT1"

// Magic and checksum of the rest; which directory is the engine's u8; is something coming in u8;
// is it complete u8, its descriptor.
std::string Encode(size_t current, const std::optional<IncomingSnapshot>& incoming) {
  std::string body;
  AppendFixed(body, static_cast<uint8_t>(current));
  AppendFixed<uint8_t>(body, incoming.has_value());
  if (incoming) {
    AppendFixed<uint8_t>(body, incoming->complete);
    AppendBytes(body, incoming->descriptor.Encode());
  }
  std::string out;
  AppendFixed(out, kMagic);
  AppendFixed<uint64_t>(out, XXH3_64bits(body.data(), body.size()));
  return out + body;
}

bool Decode(absl::string_view bytes, size_t& current, std::optional<IncomingSnapshot>& incoming) {
  ByteReader reader(bytes);
  if (reader.Fixed<uint64_t>() != kMagic) return false;
  const auto checksum = reader.Fixed<uint64_t>();
  if (checksum != XXH3_64bits(reader.rest().data(), reader.rest().size())) return false;
  current = reader.Fixed<uint8_t>();
  if (reader.Fixed<uint8_t>() != 0) {
    const bool complete = reader.Fixed<uint8_t>() != 0;
    auto descriptor = SnapshotDescriptor::Parse(reader.Bytes());
    if (!descriptor.ok()) return false;
    incoming = IncomingSnapshot{*std::move(descriptor), complete};
  }
  return reader.done() && current < kDirectories.size();
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateDirectories>> StateDirectories::Open(Env* env,
                                                                         std::string root) {
  if (absl::Status status = env->CreateDirs(root); !status.ok()) return status;
  std::unique_ptr<StateDirectories> opened(new StateDirectories(env, std::move(root)));
  if (absl::Status status = opened->Load(); !status.ok()) return status;
  return opened;
}

absl::Status StateDirectories::Load() {
  const auto file = env_->Open(absl::StrCat(root_, "/", kControl));
  if (absl::IsNotFound(file.status())) {
    // It is there before anything is put into the second directory.
    const auto second = env_->List(Path(1));
    if (second.ok() && !second->empty()) return Undecided("missing");
  } else if (!file.ok()) {
    return file.status();
  } else {
    const auto size = (*file)->Size();
    if (!size.ok()) return size.status();
    const auto bytes = (*file)->ReadAt(0, *size);
    if (!bytes.ok() || !Decode(*bytes, current_, incoming_)) return Undecided("damaged");
  }
  // What an interrupted installation left. If it stays it costs space only, and Begin tries again.
  if (!incoming_) RemoveDirectory(env_, incoming_dir()).IgnoreError();
  return absl::OkStatus();
}

absl::Status StateDirectories::Undecided(absl::string_view what) const {
  return absl::DataLossError(absl::StrCat(
      root_, "/", kControl, " is ", what, ", so it is not known which state is the right one; if ",
      "the other members are healthy, remove it together with ", Path(0), " and ", Path(1),
      ": this member then fetches the state from them"));
}

std::string StateDirectories::Path(size_t which) const {
  return absl::StrCat(root_, "/", kDirectories[which]);
}

std::string StateDirectories::current() const {
  return Path(current_);
}

std::string StateDirectories::incoming_dir() const {
  return Path(1 - current_);
}

absl::Status StateDirectories::Begin(const SnapshotDescriptor& snapshot) {
  const bool same = incoming_ && incoming_->descriptor == snapshot;
  if (!same) {
    if (absl::Status status = Discard(); !status.ok()) return status;
  }
  if (!same || incoming_->complete) {
    absl::Status status = Store(current_, IncomingSnapshot{snapshot, false});
    if (!status.ok()) return status;
  }
  return env_->CreateDirs(incoming_dir());
}

absl::Status StateDirectories::Complete() {
  SYNOD_CHECK(incoming_);
  return Store(current_, IncomingSnapshot{incoming_->descriptor, true});
}

absl::Status StateDirectories::Install() {
  SYNOD_CHECK(incoming_ && incoming_->complete);
  if (absl::Status status = Store(1 - current_, std::nullopt); !status.ok()) return status;
  RemoveDirectory(env_, incoming_dir()).IgnoreError();  // tried again at the next Open
  return absl::OkStatus();
}

absl::Status StateDirectories::Discard() {
  // Forgotten first: what is half removed must not count as complete.
  if (incoming_) {
    if (absl::Status status = Store(current_, std::nullopt); !status.ok()) return status;
  }
  return RemoveDirectory(env_, incoming_dir());
}

absl::Status StateDirectories::Store(size_t current, std::optional<IncomingSnapshot> incoming) {
  absl::Status status = WriteDurably(env_, root_, kControl, Encode(current, incoming));
  if (!status.ok()) return status;
  current_ = current;
  incoming_ = std::move(incoming);
  return absl::OkStatus();
}

IncomingAction WhatToDo(const std::optional<IncomingSnapshot>& incoming, ClusterId cluster,
                        Slot applied) {
  if (!incoming) return IncomingAction::kNothing;
  const SnapshotDescriptor& snapshot = incoming->descriptor;
  if (snapshot.cluster != cluster || snapshot.slot <= applied) return IncomingAction::kDiscard;
  return incoming->complete ? IncomingAction::kInstall : IncomingAction::kResume;
}

}  // namespace synod::storage
