#include "services/storage/log_files.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace synod::storage {
namespace {

constexpr absl::string_view kPrefix = "segment-";
constexpr absl::string_view kRecords = ".log";
constexpr absl::string_view kIdentifiers = ".ids";

std::string SegmentPath(const std::string& dir, uint64_t segment, absl::string_view suffix) {
  return absl::StrCat(dir, "/", kPrefix, absl::StrFormat("%016x", segment), suffix);
}

}  // namespace

std::string LockPath(const std::string& dir) {
  return absl::StrCat(dir, "/LOCK");
}

std::string IdentityPath(const std::string& dir) {
  return absl::StrCat(dir, "/", kIdentityName);
}

std::string ManifestPath(const std::string& dir, char copy) {
  return absl::StrCat(dir, "/manifest-", absl::string_view(&copy, 1));
}

std::string RecordsPath(const std::string& dir, uint64_t segment) {
  return SegmentPath(dir, segment, kRecords);
}

std::string IdentifiersPath(const std::string& dir, uint64_t segment) {
  return SegmentPath(dir, segment, kIdentifiers);
}

std::optional<uint64_t> SegmentOfFile(absl::string_view name) {
  uint64_t segment = 0;
  if (!absl::ConsumePrefix(&name, kPrefix)) return std::nullopt;
  if (!absl::ConsumeSuffix(&name, kRecords) && !absl::ConsumeSuffix(&name, kIdentifiers)) {
    return std::nullopt;
  }
  if (!absl::SimpleHexAtoi(name, &segment)) return std::nullopt;
  return segment;
}

}  // namespace synod::storage
