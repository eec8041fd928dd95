#include "services/storage/memory_disk.h"

#include <xxhash.h>

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/bytes.h"

namespace synod::storage {
namespace {

constexpr uint64_t kMagic = 0x32474d49444e5953;  // "SYNDIMG2"
constexpr size_t kPartBytes = 8 << 10;
constexpr size_t kChecksumBytes = sizeof(uint64_t);

// A part: magic, its number and how many there are u32 each; entries: column (from 1) u8, key,
// value; 0 u8; checksum of all that.
std::string Seal(const std::string& entries, size_t number, size_t parts) {
  std::string out;
  AppendFixed(out, kMagic);
  AppendFixed(out, static_cast<uint32_t>(number));
  AppendFixed(out, static_cast<uint32_t>(parts));
  out += entries;
  AppendFixed<uint8_t>(out, 0);
  AppendFixed<uint64_t>(out, XXH3_64bits(out.data(), out.size()));
  return out;
}

bool ChecksumFits(absl::string_view part) {
  if (part.size() < kChecksumBytes) return false;
  ByteReader trailer(part.substr(part.size() - kChecksumBytes));
  return trailer.Fixed<uint64_t>() == XXH3_64bits(part.data(), part.size() - kChecksumBytes);
}

struct PartNumber {
  uint32_t number = 0;
  uint32_t parts = 0;
};

bool DecodePart(absl::string_view part, PartNumber& number, MemoryImage& image) {
  if (!ChecksumFits(part)) return false;
  ByteReader reader(part);
  if (reader.Fixed<uint64_t>() != kMagic) return false;
  number.number = reader.Fixed<uint32_t>();
  number.parts = reader.Fixed<uint32_t>();
  while (const size_t column = reader.Fixed<uint8_t>()) {
    if (column > image.size()) return false;
    const absl::string_view key = reader.Bytes();
    image[column - 1].Put(key, reader.Bytes());
  }
  reader.Fixed<uint64_t>();
  return reader.done();
}

}  // namespace

std::vector<std::string> EncodeImage(const MemoryImage& image) {
  std::vector<std::string> parts(1);
  for (size_t column = 0; column < image.size(); ++column) {
    MemoryTree::Cursor cursor(image[column]);
    for (cursor.SeekFirst(); cursor.valid(); cursor.Next()) {
      if (parts.back().size() >= kPartBytes) parts.emplace_back();
      AppendFixed(parts.back(), static_cast<uint8_t>(column + 1));
      AppendBytes(parts.back(), cursor.key());
      AppendBytes(parts.back(), cursor.value());
    }
  }
  for (size_t i = 0; i < parts.size(); ++i) parts[i] = Seal(parts[i], i, parts.size());
  return parts;
}

absl::StatusOr<MemoryImage> DecodeImage(const std::vector<std::string>& parts) {
  MemoryImage image;
  std::set<uint32_t> numbers;
  for (const std::string& part : parts) {
    PartNumber number;
    if (!DecodePart(part, number, image)) return absl::DataLossError("a part is damaged");
    if (number.parts != parts.size() || number.number >= number.parts ||
        !numbers.insert(number.number).second) {
      return absl::DataLossError("its parts do not belong together, or one is missing");
    }
  }
  return image;
}

absl::StatusOr<MemoryImage> MemoryDisk::Open(const std::string& dir) {
  absl::MutexLock lock(&mutex_);
  if (env_ != nullptr) {
    if (absl::Status status = TakeFiles(dir); !status.ok()) {
      images_.erase(dir);
      return absl::DataLossError(absl::StrCat("engine ", dir, ": ", status.message()));
    }
  }
  return images_[dir].image;
}

MemoryImage MemoryDisk::Load(const std::string& dir) const {
  absl::MutexLock lock(&mutex_);
  const auto found = images_.find(dir);
  return found == images_.end() ? MemoryImage() : found->second.image;
}

absl::StatusOr<std::vector<std::string>> MemoryDisk::ReadFiles(const std::string& dir) const {
  std::vector<std::string> files;
  const auto names = env_->List(dir);
  if (absl::IsNotFound(names.status())) return files;
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const auto file = env_->Open(absl::StrCat(dir, "/", name));
    if (!file.ok()) return file.status();
    const auto size = (*file)->Size();
    if (!size.ok()) return size.status();
    auto bytes = (*file)->ReadAt(0, *size);
    if (!bytes.ok()) return bytes.status();
    files.push_back(*std::move(bytes));
  }
  return files;
}

// Files that were taken before are older than what the engine has stored since.
absl::Status MemoryDisk::TakeFiles(const std::string& dir) {
  const auto files = ReadFiles(dir);
  if (!files.ok()) return files.status();
  uint64_t checksum = 0;
  for (const std::string& file : *files) {
    checksum = XXH3_64bits_withSeed(file.data(), file.size(), checksum);
  }
  Held& held = images_[dir];
  if (held.files == checksum) return absl::OkStatus();
  if (files->empty()) return absl::DataLossError("its files are gone");
  auto image = DecodeImage(*files);
  if (!image.ok()) return image.status();
  held = {*std::move(image), checksum};
  return absl::OkStatus();
}

void MemoryDisk::Store(const std::string& dir, MemoryImage image) {
  absl::MutexLock lock(&mutex_);
  images_[dir].image.swap(image);
}

void MemoryDisk::Remove(const std::string& dir) {
  absl::MutexLock lock(&mutex_);
  images_.erase(dir);
}

absl::Status MemoryDisk::Checkpoint(const std::string& dir, MemoryImage image) {
  if (env_ == nullptr) {
    absl::MutexLock lock(&mutex_);
    if (images_.try_emplace(dir, Held{std::move(image), 0}).second) return absl::OkStatus();
    return absl::AlreadyExistsError(absl::StrCat("checkpoint ", dir, " exists"));
  }
  if (absl::Status status = env_->CreateDirs(dir); !status.ok()) return status;
  const std::vector<std::string> parts = EncodeImage(image);
  for (size_t i = 0; i < parts.size(); ++i) {
    auto file = env_->CreateZeroed(absl::StrCat(dir, "/image-", absl::Dec(i, absl::kZeroPad6)), 0);
    if (!file.ok()) return file.status();
    if (absl::Status status = (*file)->WriteAt(0, parts[i]); !status.ok()) return status;
    if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace synod::storage
