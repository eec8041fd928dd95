#include "services/storage/identity.h"

#include <xxhash.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "services/storage/durable_file.h"
#include "services/storage/log_files.h"

namespace synod::storage {
namespace {

constexpr size_t kMaxIdentityBytes = 4096;

// The format stands on a line of its own before everything that a later format may change.
std::string Encode(const LogIdentity& identity, uint32_t format = kLogFormat) {
  std::string text = absl::StrFormat("synod acceptor log\nformat %d\ncluster %016x\nnode %016x\n",
                                     format, identity.cluster.value(), identity.node.value());
  absl::StrAppendFormat(&text, "checksum %016x\n", XXH3_64bits(text.data(), text.size()));
  return text;
}

bool ReadHexLine(absl::string_view line, absl::string_view name, uint64_t& value) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, ' ');
  return parts.first == name && absl::SimpleHexAtoi(parts.second, &value);
}

absl::StatusOr<std::string> ReadText(Env* env, const std::string& dir) {
  auto file = env->Open(IdentityPath(dir));
  if (!file.ok()) return file.status();
  return (*file)->ReadAt(0, kMaxIdentityBytes);
}

// Today's when the text does not say.
uint64_t FormatOf(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  uint64_t format = kLogFormat;
  if (lines.size() >= 2 && lines[0] == "synod acceptor log") {
    ReadHexLine(lines[1], "format", format);
  }
  return format;
}

// Nothing when the text is damaged or of a format that this program does not know.
std::optional<LogIdentity> Decode(const std::string& text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  const uint64_t format = FormatOf(text);
  uint64_t cluster = 0;
  uint64_t node = 0;
  if (format > kLogFormat || lines.size() < 4 || !ReadHexLine(lines[2], "cluster", cluster) ||
      !ReadHexLine(lines[3], "node", node)) {
    return std::nullopt;
  }
  const LogIdentity found = {ClusterId(cluster), NodeId(node)};
  if (text != Encode(found, static_cast<uint32_t>(format))) return std::nullopt;
  return found;
}

}  // namespace

absl::Status WriteIdentity(Env* env, const std::string& dir, const LogIdentity& identity) {
  return WriteDurably(env, dir, kIdentityName, Encode(identity));
}

absl::StatusOr<LogIdentity> ReadIdentity(Env* env, const std::string& dir) {
  auto text = ReadText(env, dir);
  if (!text.ok()) return text.status();
  const std::optional<LogIdentity> found = Decode(*text);
  if (found) return *found;
  return absl::DataLossError(absl::StrCat(IdentityPath(dir), ": damaged, or of a newer format"));
}

absl::StatusOr<uint32_t> CheckIdentity(Env* env, const std::string& dir,
                                       const LogIdentity& expected) {
  const std::string path = IdentityPath(dir);
  auto text = ReadText(env, dir);
  if (!text.ok()) return text.status();
  const uint64_t format = FormatOf(*text);
  if (format > kLogFormat) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": the directory has format ", format,
                                                      ", this program knows format ", kLogFormat,
                                                      " and older: run the newer program"));
  }
  const auto known = static_cast<uint32_t>(format);
  if (*text == Encode(expected, known)) return known;
  const std::optional<LogIdentity> found = Decode(*text);
  if (!found) {
    return absl::DataLossError(absl::StrCat(
        path, ": damaged; it should read as follows if this directory is the right one:\n",
        Encode(expected)));
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: the directory belongs to node %x of cluster %x, not to node %x of cluster %x: check "
      "--data-dir, --name and the --initial-cluster flags; a member that joined later needs "
      "--initial-cluster-state=existing",
      path, found->node.value(), found->cluster.value(), expected.node.value(),
      expected.cluster.value()));
}

}  // namespace synod::storage
