// The part of Disk that damages what it holds.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/disk.h"

namespace synod::sim {
namespace {

constexpr int kTries = 32;

bool IsSegment(absl::string_view path) {
  return absl::EndsWith(path, ".log") || absl::EndsWith(path, ".ids");
}

bool IsManifest(absl::string_view path) {
  return absl::EndsWith(path, "/manifest-a") || absl::EndsWith(path, "/manifest-b");
}

std::string OtherManifest(std::string path) {
  path.back() = path.back() == 'a' ? 'b' : 'a';
  return path;
}

}  // namespace

// Segments mostly; a copy of the manifest now and then.
std::string Disk::PickFile(Damage damage, const std::string& dir, Random& random) const {
  std::vector<std::string> segments;
  std::vector<std::string> manifests;
  for (const auto& [path, number] : visible_.names) {
    if (DirectoryOf(path) != dir) continue;
    if (IsSegment(path)) segments.push_back(path);
    if (IsManifest(path)) manifests.push_back(path);
  }
  if (!manifests.empty() && (segments.empty() || random.Chance(0.2))) {
    return manifests[random.Below(manifests.size())];
  }
  // The newest segment's files are needed whole: an empty one looks like one never written.
  if (damage >= Damage::kCutShort && !segments.empty()) {
    const std::string newest = segments.back().substr(0, segments.back().rfind('.'));
    std::erase_if(segments,
                  [&](const std::string& path) { return absl::StartsWith(path, newest); });
  }
  return segments.empty() ? "" : segments[random.Below(segments.size())];
}

bool Disk::IsStruck(FileNumber file) const {
  const auto first = struck_.lower_bound({file, 0});
  return first != struck_.end() && first->first == file;
}

bool Disk::IsLastCopy(FileNumber file) const {
  for (const auto& [path, number] : visible_.names) {
    if (number != file || !IsManifest(path)) continue;
    const auto other = visible_.names.find(OtherManifest(path));
    // One that is missing may not have been made yet.
    return other == visible_.names.end() ? !struck_.empty() : IsStruck(other->second);
  }
  return false;
}

bool Disk::MayStrike(const std::string& path, uint64_t sector) const {
  const FileNumber file = visible_.names.at(path);
  if (IsManifest(path)) {
    const auto other = visible_.names.find(OtherManifest(path));
    return other != visible_.names.end() && !torn_.contains(other->second) &&
           !IsStruck(other->second);
  }
  const auto recent = recent_.find(file);
  if (recent == recent_.end()) return true;
  return std::none_of(recent->second.begin(), recent->second.end(), [&](const Extent& extent) {
    return extent.begin < (sector + 1) * kDiskSector && sector * kDiskSector < extent.end;
  });
}

bool Disk::StrikeSector(Damage damage, const Sector& sector, Random& random) {
  const auto [file, number] = sector;
  const uint64_t offset = number * kDiskSector;
  // What has not reached the device cannot be damaged there.
  for (const auto* operations : {&uncovered_, &journal_}) {
    for (const Operation& operation : *operations) {
      if (operation.kind == Operation::Kind::kWrite && operation.file == file &&
          operation.offset < offset + kDiskSector &&
          offset < operation.offset + operation.data.size()) {
        return false;
      }
    }
  }
  const std::string& content = visible_.contents[file];
  std::string bytes = content.substr(offset, kDiskSector);
  const std::string before = bytes;
  if (std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; })) return false;
  const uint64_t elsewhere = random.Below(content.size() / kDiskSector + 1);
  switch (damage) {
    case Damage::kBitRot:
      bytes[random.Below(bytes.size())] ^= static_cast<char>(1 << random.Below(8));
      break;
    case Damage::kLostWrite:
      bytes.assign(bytes.size(), '\0');
      break;
    case Damage::kMisdirected:
      bytes.replace(0, bytes.size(), content.substr(elsewhere * kDiskSector, bytes.size()));
      break;
    case Damage::kMisread:
      misread_[sector] = elsewhere;
      break;
    default:
      unreadable_.insert(sector);
  }
  for (Layer* layer : {&visible_, &durable_}) {
    const auto found = layer->contents.find(file);
    if (bytes == before || found == layer->contents.end()) continue;
    if (found->second.size() >= offset + bytes.size()) {
      found->second.replace(offset, bytes.size(), bytes);
    }
  }
  struck_.insert(sector);
  return true;
}

void Disk::StrikeFile(Damage damage, const std::string& path, Random& random) {
  const FileNumber file = visible_.names.at(path);
  struck_.insert({file, 0});
  for (Layer* layer : {&visible_, &durable_}) {
    if (damage == Damage::kMissing) {
      layer->names.erase(path);
    } else if (const auto found = layer->contents.find(file);
               found != layer->contents.end() && !found->second.empty()) {
      found->second.resize(random.Below(found->second.size()));
    }
  }
}

std::string Disk::StrikeBelow(Damage damage, const std::string& path, Random random) {
  const std::vector<std::string> paths = PathsBelow(path);
  for (int i = 0; i < kTries && !paths.empty(); ++i) {
    const std::string& struck = paths[random.Below(paths.size())];
    const FileNumber file = visible_.names.at(struck);
    const uint64_t size = visible_.contents[file].size();
    if (size == 0) continue;
    if (damage >= Damage::kCutShort) {
      StrikeFile(damage, struck, random);
      return struck;
    }
    const uint64_t sector = random.Below((size + kDiskSector - 1) / kDiskSector);
    if (StrikeSector(damage, {file, sector}, random)) {
      return absl::StrCat(struck, "@", sector * kDiskSector);
    }
  }
  return "";
}

std::string Disk::Strike(Damage damage, const std::string& dir, Random random) {
  for (int i = 0; i < kTries; ++i) {
    const std::string path = PickFile(damage, dir, random);
    if (path.empty()) continue;
    const FileNumber file = visible_.names.at(path);
    const uint64_t size = visible_.contents[file].size();
    if (size == 0) continue;
    if (damage >= Damage::kCutShort) {
      if (IsManifest(path) && !MayStrike(path, 0)) continue;
      StrikeFile(damage, path, random);
      return path;
    }
    const uint64_t sector = random.Below((size + kDiskSector - 1) / kDiskSector);
    if (MayStrike(path, sector) && StrikeSector(damage, {file, sector}, random)) {
      return absl::StrCat(path, "@", sector * kDiskSector);
    }
  }
  return "";
}

}  // namespace synod::sim
