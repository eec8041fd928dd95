// The XXH3-64 of bytes that come in pieces.
#ifndef SYNOD_SERVICES_STORAGE_RUNNING_CHECKSUM_H_
#define SYNOD_SERVICES_STORAGE_RUNNING_CHECKSUM_H_

#include <cstdint>

#include "absl/strings/string_view.h"

struct XXH3_state_s;

namespace synod::storage {

class RunningChecksum {
 public:
  RunningChecksum();
  ~RunningChecksum();
  RunningChecksum(const RunningChecksum&) = delete;
  RunningChecksum& operator=(const RunningChecksum&) = delete;

  void Add(absl::string_view bytes);
  uint64_t value() const;  // of all bytes so far
  void Reset();

 private:
  XXH3_state_s* const state_;
};

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_RUNNING_CHECKSUM_H_
