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

TolerantRead ReadTolerantly(const File& file, uint64_t size) {
  TolerantRead out;
  out.bytes.reserve(size);
  for (uint64_t chunk = 0; chunk < size; chunk += kChunkBytes) {
    const uint64_t chunk_size = std::min(kChunkBytes, size - chunk);
    if (AppendRead(file, chunk, chunk_size, out.bytes)) {
      if (out.bytes.size() < chunk + chunk_size) break;  // the file is shorter
      continue;
    }
    for (uint64_t at = chunk; at < chunk + chunk_size; at += kSectorBytes) {
      const uint64_t sector = std::min<uint64_t>(kSectorBytes, chunk + chunk_size - at);
      if (!AppendRead(file, at, sector, out.bytes)) AppendUnreadable(at, sector, out);
      if (out.bytes.size() < at + sector) return out;
    }
  }
  return out;
}

}  // namespace synod::storage
