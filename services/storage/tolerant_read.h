// Reads a file of which some sectors may be unreadable: the rest is read all the same.
#ifndef SYNOD_SERVICES_STORAGE_TOLERANT_READ_H_
#define SYNOD_SERVICES_STORAGE_TOLERANT_READ_H_

#include <cstdint>
#include <string>
#include <vector>

#include "services/storage/env.h"

namespace synod::storage {

struct UnreadableBytes {
  uint64_t first = 0;  // offset in the file
  uint64_t end = 0;
};

struct TolerantRead {
  std::string bytes;                        // zeros stand where nothing could be read
  std::vector<UnreadableBytes> unreadable;  // ascending
};

// Up to `size` bytes from `offset`; fewer only when the file is shorter.
TolerantRead ReadTolerantly(const File& file, uint64_t offset, uint64_t size);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_TOLERANT_READ_H_
