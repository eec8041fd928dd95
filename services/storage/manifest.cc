#include "services/storage/manifest.h"

#include <xxhash.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bytes.h"
#include "services/storage/log_files.h"

namespace synod::storage {
namespace {

constexpr uint64_t kMagic = 0x4e414d444f4e5953;  // "SYNODMAN"
constexpr uint64_t kInitialBytes = 4096;
constexpr std::array<char, 2> kCopies = {'a', 'b'};

struct Copy {
  uint64_t generation = 0;
  ManifestState state;
};

// Each copy has a seed of its own: a write that strays into the other file does not count.
uint64_t Checksum(absl::string_view body, const LogIdentity& identity, size_t copy) {
  const std::array<uint64_t, 3> place = {identity.cluster.value(), identity.node.value(), copy};
  return XXH3_64bits_withSeed(body.data(), body.size(), XXH3_64bits(place.data(), sizeof place));
}

std::string Encode(const Copy& contents, const LogIdentity& identity, size_t copy) {
  std::string body;
  AppendFixed(body, contents.generation);
  AppendFixed(body, static_cast<uint32_t>(contents.state.segments.size()));
  for (const SegmentManifest& segment : contents.state.segments) {
    AppendFixed(body, segment.id);
    AppendFixed(body, segment.first_sequence);
  }
  AppendFixed(body, static_cast<uint32_t>(contents.state.groups.size()));
  for (const auto& [group, state] : contents.state.groups) {
    AppendFixed(body, group.value());
    AppendFixed(body, state.promised.round);
    AppendFixed(body, state.promised.node.value());
    AppendFixed(body, state.cut_through.value());
  }
  std::string out;
  AppendFixed(out, kMagic);
  AppendFixed(out, Checksum(body, identity, copy));
  AppendBytes(out, body);
  return out;
}

std::optional<Copy> Decode(absl::string_view bytes, const LogIdentity& identity, size_t copy) {
  ByteReader outer(bytes);
  if (outer.Fixed<uint64_t>() != kMagic) return std::nullopt;
  const auto checksum = outer.Fixed<uint64_t>();
  const absl::string_view body = outer.Bytes();
  if (!outer.ok() || checksum != Checksum(body, identity, copy)) return std::nullopt;

  Copy contents;
  ByteReader reader(body);
  contents.generation = reader.Fixed<uint64_t>();
  for (auto left = reader.Fixed<uint32_t>(); left > 0 && reader.ok(); --left) {
    SegmentManifest& segment = contents.state.segments.emplace_back();
    segment.id = reader.Fixed<uint64_t>();
    segment.first_sequence = reader.Fixed<uint64_t>();
  }
  for (auto left = reader.Fixed<uint32_t>(); left > 0 && reader.ok(); --left) {
    GroupManifest& state = contents.state.groups[GroupId(reader.Fixed<uint64_t>())];
    state.promised.round = reader.Fixed<uint64_t>();
    state.promised.node = NodeId(reader.Fixed<uint64_t>());
    state.cut_through = Slot(reader.Fixed<uint64_t>());
  }
  if (!reader.done()) return std::nullopt;
  return contents;
}

// A missing file is a bad copy, made anew empty; any other error is the caller's.
absl::StatusOr<std::unique_ptr<File>> OpenCopy(Env* env, const std::string& dir, size_t copy) {
  const std::string path = ManifestPath(dir, kCopies[copy]);
  auto file = env->Open(path);
  if (file.ok() || !absl::IsNotFound(file.status())) return file;
  file = env->CreateZeroed(path, kInitialBytes);
  if (!file.ok()) return file;
  if (absl::Status status = env->SyncDir(dir); !status.ok()) return status;
  return file;
}

}  // namespace

absl::Status Manifest::Create(Env* env, const std::string& dir, const LogIdentity& identity) {
  Manifest manifest(identity);
  for (size_t copy = 0; copy < kCopies.size(); ++copy) {
    const std::string path = ManifestPath(dir, kCopies[copy]);
    if (absl::Status status = env->Remove(path); !status.ok() && !absl::IsNotFound(status)) {
      return status;
    }
    auto file = env->CreateZeroed(path, kInitialBytes);
    if (!file.ok()) return file.status();
    manifest.files_[copy] = *std::move(file);
  }
  if (absl::Status status = manifest.Store({}); !status.ok()) return status;
  return env->SyncDir(dir);
}

absl::StatusOr<std::unique_ptr<Manifest>> Manifest::Open(Env* env, const std::string& dir,
                                                         const LogIdentity& identity) {
  std::array<std::optional<Copy>, 2> found;
  std::unique_ptr<Manifest> manifest(new Manifest(identity));
  for (size_t copy = 0; copy < kCopies.size(); ++copy) {
    auto file = OpenCopy(env, dir, copy);
    if (!file.ok()) return file.status();
    const auto size = (*file)->Size();
    if (!size.ok()) return size.status();
    // What cannot be read is as good as damaged.
    const auto bytes = (*file)->ReadAt(0, *size);
    if (bytes.ok()) found[copy] = Decode(*bytes, identity, copy);
    manifest->files_[copy] = *std::move(file);
  }
  if (!found[0] && !found[1]) {
    return absl::DataLossError(absl::StrCat(
        ManifestPath(dir, 'a'), " and ", ManifestPath(dir, 'b'),
        ": both copies of this node's promises are damaged, so it must not vote again; remove the "
        "member from the cluster and add it under a new id with an empty directory"));
  }
  const size_t newer = !found[0] || (found[1] && found[1]->generation > found[0]->generation);
  manifest->generation_ = found[newer]->generation;
  manifest->state_ = std::move(found[newer]->state);
  if (!found[1 - newer] || found[1 - newer]->generation != manifest->generation_) {
    // The older or broken copy first, so that an intact one is there at every moment. The newer one
    // again too: it may have come from the page cache, after a sync that failed.
    ++manifest->generation_;
    for (const size_t copy : {1 - newer, newer}) {
      if (absl::Status status = manifest->WriteCopy(copy); !status.ok()) return status;
    }
  }
  return manifest;
}

absl::Status Manifest::Store(ManifestState state) {
  state_ = std::move(state);
  ++generation_;
  for (size_t copy = 0; copy < kCopies.size(); ++copy) {
    if (absl::Status status = WriteCopy(copy); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Manifest::WriteCopy(size_t copy) {
  const std::string bytes = Encode({generation_, state_}, identity_, copy);
  if (absl::Status status = files_[copy]->WriteAt(0, bytes); !status.ok()) return status;
  return files_[copy]->Sync();
}

}  // namespace synod::storage
