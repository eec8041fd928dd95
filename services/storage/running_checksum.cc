#include "services/storage/running_checksum.h"

#include <xxhash.h>

namespace synod::storage {

RunningChecksum::RunningChecksum() : state_(XXH3_createState()) {
  Reset();
}

RunningChecksum::~RunningChecksum() {
  XXH3_freeState(state_);
}

void RunningChecksum::Add(absl::string_view bytes) {
  XXH3_64bits_update(state_, bytes.data(), bytes.size());
}

uint64_t RunningChecksum::value() const {
  return XXH3_64bits_digest(state_);
}

void RunningChecksum::Reset() {
  XXH3_64bits_reset(state_);
}

}  // namespace synod::storage
