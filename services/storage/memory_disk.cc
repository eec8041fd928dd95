#include "services/storage/memory_disk.h"

#include <xxhash.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bytes.h"

namespace synod::storage {
namespace {

constexpr uint64_t kMagic = 0x31474d49444e5953;  // "SYNDIMG1"

std::string FileOf(const std::string& dir) {
  return absl::StrCat(dir, "/image");
}

}  // namespace

std::string EncodeImage(const MemoryImage& image) {
  std::string out;
  AppendFixed(out, kMagic);
  for (const MemoryTree& column : image) {
    MemoryTree::Cursor cursor(column);
    for (cursor.SeekFirst(); cursor.valid(); cursor.Next()) {
      AppendFixed<uint8_t>(out, 1);
      AppendBytes(out, cursor.key());
      AppendBytes(out, cursor.value());
    }
    AppendFixed<uint8_t>(out, 0);
  }
  return out;
}

std::optional<MemoryImage> DecodeImage(absl::string_view bytes) {
  ByteReader reader(bytes);
  if (reader.Fixed<uint64_t>() != kMagic) return std::nullopt;
  MemoryImage image;
  for (MemoryTree& column : image) {
    while (reader.Fixed<uint8_t>() == 1) {
      const absl::string_view key = reader.Bytes();
      column.Put(key, reader.Bytes());
    }
  }
  if (!reader.done()) return std::nullopt;
  return image;
}

MemoryImage MemoryDisk::Open(const std::string& dir) {
  absl::MutexLock lock(&mutex_);
  if (env_ != nullptr) TakeFile(dir);
  return images_[dir].image;
}

MemoryImage MemoryDisk::Load(const std::string& dir) const {
  absl::MutexLock lock(&mutex_);
  const auto found = images_.find(dir);
  return found == images_.end() ? MemoryImage() : found->second.image;
}

// A file that was taken before is older than what the engine has stored since.
void MemoryDisk::TakeFile(const std::string& dir) {
  const auto file = env_->Open(FileOf(dir));
  if (!file.ok()) return;
  const auto size = (*file)->Size();
  const auto bytes = size.ok() ? (*file)->ReadAt(0, *size) : size.status();
  if (!bytes.ok()) return;
  const uint64_t checksum = XXH3_64bits(bytes->data(), bytes->size());
  Held& held = images_[dir];
  if (held.file == checksum) return;
  held = {DecodeImage(*bytes).value_or(MemoryImage()), checksum};
}

void MemoryDisk::Store(const std::string& dir, MemoryImage image) {
  absl::MutexLock lock(&mutex_);
  images_[dir].image.swap(image);
}

absl::Status MemoryDisk::Checkpoint(const std::string& dir, MemoryImage image) {
  if (env_ == nullptr) {
    absl::MutexLock lock(&mutex_);
    if (images_.try_emplace(dir, Held{std::move(image), 0}).second) return absl::OkStatus();
    return absl::AlreadyExistsError(absl::StrCat("checkpoint ", dir, " exists"));
  }
  if (absl::Status status = env_->CreateDirs(dir); !status.ok()) return status;
  auto file = env_->CreateZeroed(FileOf(dir), 0);
  if (!file.ok()) return file.status();
  return (*file)->WriteAt(0, EncodeImage(image));
}

}  // namespace synod::storage
