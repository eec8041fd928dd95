#include "services/storage/tolerant_read.h"

#include <algorithm>

#include "services/storage/record_codec.h"

namespace synod::storage {
namespace {

constexpr uint64_t kChunkBytes = 1 << 20;

// Appends up to `size` bytes at `offset`; false when they cannot be read.
bool AppendRead(const File& file, uint64_t offset, uint64_t size, std::string& out) {
  const auto read = file.ReadAt(offset, size);
  if (!read.ok()) return false;
  out += *read;
  return true;
}

void AppendUnreadable(uint64_t offset, uint64_t size, TolerantRead& out) {
  out.bytes.append(size, '\0');
  if (!out.unreadable.empty() && out.unreadable.back().end == offset) {
    out.unreadable.back().end = offset + size;
  } else {
    out.unreadable.push_back({offset, offset + size});
  }
}

}  // namespace

TolerantRead ReadTolerantly(const File& file, uint64_t offset, uint64_t size) {
  TolerantRead out;
  out.bytes.reserve(size);
  const uint64_t end = offset + size;
  for (uint64_t chunk = offset, next; chunk < end; chunk = next) {
    next = std::min(chunk + kChunkBytes, end);
    if (AppendRead(file, chunk, next - chunk, out.bytes)) {
      if (offset + out.bytes.size() < next) break;  // the file is shorter
      continue;
    }
    for (uint64_t at = chunk, sector_end; at < next; at = sector_end) {
      sector_end = std::min<uint64_t>((at / kSectorBytes + 1) * kSectorBytes, next);
      if (!AppendRead(file, at, sector_end - at, out.bytes)) {
        AppendUnreadable(at, sector_end - at, out);
      }
      if (offset + out.bytes.size() < sector_end) return out;
    }
  }
  return out;
}

}  // namespace synod::storage
