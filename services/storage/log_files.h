// What the files of an acceptor log's directory are called.
#ifndef SYNOD_SERVICES_STORAGE_LOG_FILES_H_
#define SYNOD_SERVICES_STORAGE_LOG_FILES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace synod::storage {

inline constexpr absl::string_view kIdentityName = "identity";

std::string LockPath(const std::string& dir);
std::string IdentityPath(const std::string& dir);
std::string ManifestPath(const std::string& dir, char copy);            // copy: 'a' or 'b'
std::string RecordsPath(const std::string& dir, uint64_t segment);      // the batches
std::string IdentifiersPath(const std::string& dir, uint64_t segment);  // the identifiers

// The segment that a file of this name belongs to; nothing for other files.
std::optional<uint64_t> SegmentOfFile(absl::string_view name);

}  // namespace synod::storage

#endif  // SYNOD_SERVICES_STORAGE_LOG_FILES_H_
