// Small files that are written whole.
#ifndef SYNOD_SERVICES_STORAGE_DURABLE_FILE_H_
#define SYNOD_SERVICES_STORAGE_DURABLE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "services/storage/env.h"

namespace synod::storage {

// Writes `<dir>/<name>` durably and in one step: afterwards, and after a crash at any point, it
// holds `contents` or what it held before.
absl::Status WriteDurably(Env* env, const std::string& dir, absl::string_view name,
                          absl::string_view contents);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_DURABLE_FILE_H_
