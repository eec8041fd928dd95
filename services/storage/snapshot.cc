#include "services/storage/snapshot.h"

#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bytes.h"
#include "services/storage/running_checksum.h"

namespace synod::storage {
namespace {

constexpr uint64_t kMagic = 0x31504e53444e5953;  // "SYNDSNP1"
constexpr size_t kMaxNameBytes = 255;

// Names come from another process and become paths here.
bool NameAllowed(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxNameBytes && name[0] != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c <= '~' && c != '/' && c != '\\'; });
}

absl::Status Refuse(absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("snapshot descriptor: ", problem));
}

}  // namespace

std::string SnapshotDescriptor::Encode() const {
  std::string out;
  AppendFixed(out, kMagic);
  AppendFixed(out, cluster.value());
  AppendFixed(out, slot.value());
  AppendFixed(out, static_cast<uint32_t>(files.size()));
  for (const SnapshotFile& file : files) {
    AppendBytes(out, file.name);
    AppendFixed(out, file.bytes);
    AppendFixed(out, file.checksum);
  }
  AppendFixed<uint64_t>(out, XXH3_64bits(out.data(), out.size()));
  return out;
}

absl::StatusOr<SnapshotDescriptor> SnapshotDescriptor::Parse(absl::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.Fixed<uint64_t>() != kMagic) return Refuse("it is damaged or of another format");
  SnapshotDescriptor snapshot;
  snapshot.cluster = ClusterId(reader.Fixed<uint64_t>());
  snapshot.slot = Slot(reader.Fixed<uint64_t>());
  const auto count = reader.Fixed<uint32_t>();
  if (count > kMaxSnapshotFiles) return Refuse("it has too many files");
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    SnapshotFile file;
    file.name = std::string(reader.Bytes());
    file.bytes = reader.Fixed<uint64_t>();
    file.checksum = reader.Fixed<uint64_t>();
    if (!NameAllowed(file.name)) return Refuse("a file has an impossible name");
    if (!snapshot.files.empty() && file.name <= snapshot.files.back().name) {
      return Refuse("its files are not in order");
    }
    snapshot.files.push_back(std::move(file));
  }
  reader.Fixed<uint64_t>();
  // Its own encoding, checksum included, is the only one there is.
  if (!reader.done() || snapshot.Encode() != bytes) return Refuse("it is damaged");
  return snapshot;
}

uint64_t SnapshotDescriptor::id() const {
  const std::string bytes = Encode();
  return std::max<uint64_t>(1, XXH3_64bits(bytes.data(), bytes.size()));
}

uint64_t SnapshotDescriptor::TotalBytes() const {
  uint64_t total = 0;
  for (const SnapshotFile& file : files) total += file.bytes;
  return total;
}

absl::StatusOr<SnapshotDescriptor> DescribeSnapshot(Env* env, const std::string& dir,
                                                    ClusterId cluster, Slot slot,
                                                    const std::atomic<bool>* cancel) {
  const auto names = env->List(dir);
  if (!names.ok()) return names.status();
  if (names->size() > kMaxSnapshotFiles) {
    return absl::ResourceExhaustedError(
        absl::StrCat("snapshot ", dir, ": ", names->size(), " files are too many to send"));
  }
  SnapshotDescriptor snapshot{cluster, slot, {}};
  for (const std::string& name : *names) {
    if (cancel != nullptr && cancel->load()) {
      return absl::CancelledError(absl::StrCat("snapshot ", dir, ": cancelled"));
    }
    auto file = env->Open(absl::StrCat(dir, "/", name));
    if (!file.ok()) return file.status();
    const auto bytes = (*file)->Size();
    if (!bytes.ok()) return bytes.status();
    const auto checksum = ChecksumOfFile(**file, *bytes);
    if (!checksum.ok()) return checksum.status();
    snapshot.files.push_back({name, *bytes, *checksum});
  }
  return snapshot;
}

absl::StatusOr<std::string> ReadSnapshotChunk(Env* env, const std::string& dir,
                                              const SnapshotDescriptor& snapshot, size_t file,
                                              uint64_t offset, size_t max_bytes) {
  if (file >= snapshot.files.size() || offset >= snapshot.files[file].bytes) {
    return absl::OutOfRangeError(
        absl::StrCat("snapshot ", dir, ": there is no file ", file, " with an offset ", offset));
  }
  const SnapshotFile& wanted = snapshot.files[file];
  const uint64_t size = std::min<uint64_t>(
      {std::max<size_t>(1, max_bytes), kMaxSnapshotChunkBytes, wanted.bytes - offset});
  const std::string path = absl::StrCat(dir, "/", wanted.name);
  const auto opened = env->Open(path);
  if (!opened.ok()) return opened.status();
  auto chunk = (*opened)->ReadAt(offset, size);
  if (chunk.ok() && chunk->size() != size) {
    return absl::DataLossError(absl::StrCat(path, ": the file has become shorter"));
  }
  return chunk;
}

absl::StatusOr<uint64_t> ChecksumOfFile(const File& file, uint64_t bytes) {
  RunningChecksum checksum;
  for (uint64_t at = 0; at < bytes;) {
    const auto chunk = file.ReadAt(at, std::min<uint64_t>(kMaxSnapshotChunkBytes, bytes - at));
    if (!chunk.ok()) return chunk.status();
    if (chunk->empty()) return absl::DataLossError("the file has become shorter");
    checksum.Add(*chunk);
    at += chunk->size();
  }
  return checksum.value();
}

absl::Status RemoveDirectory(Env* env, const std::string& dir) {
  const auto names = env->List(dir);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (absl::Status status = env->Remove(absl::StrCat(dir, "/", name)); !status.ok()) {
      return status;
    }
  }
  absl::Status removed = env->Remove(dir);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

}  // namespace synod::storage
