#include "services/storage/identity.h"

#include <xxhash.h>

#include <cstdint>
#include <memory>
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

}  // namespace

absl::Status WriteIdentity(Env* env, const std::string& dir, const LogIdentity& identity) {
  return WriteDurably(env, dir, kIdentityName, Encode(identity));
}

absl::StatusOr<uint32_t> CheckIdentity(Env* env, const std::string& dir,
                                       const LogIdentity& expected) {
  const std::string path = IdentityPath(dir);
  auto file = env->Open(path);
  if (!file.ok()) return file.status();
  auto text = (*file)->ReadAt(0, kMaxIdentityBytes);
  if (!text.ok()) return text.status();
  const std::vector<std::string> lines = absl::StrSplit(*text, '\n');
  uint64_t format = kLogFormat;
  if (lines.size() >= 2 && lines[0] == "synod acceptor log" &&
      ReadHexLine(lines[1], "format", format) && format > kLogFormat) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": the directory has format ", format,
                                                      ", this program knows format ", kLogFormat,
                                                      " and older: run the newer program"));
  }
  const auto known = static_cast<uint32_t>(format);
  if (*text == Encode(expected, known)) return known;

  LogIdentity found;
  uint64_t cluster = 0;
  uint64_t node = 0;
  if (lines.size() >= 4 && ReadHexLine(lines[2], "cluster", cluster) &&
      ReadHexLine(lines[3], "node", node)) {
    found = {ClusterId(cluster), NodeId(node)};
  }
  if (*text != Encode(found, known)) {
    return absl::DataLossError(absl::StrCat(
        path, ": damaged; it should read as follows if this directory is the right one:\n",
        Encode(expected)));
  }
  return absl::FailedPreconditionError(absl::StrFormat(
      "%s: the directory belongs to node %x of cluster %x, not to node %x of cluster %x: check "
      "--data-dir, --name and the --initial-cluster flags",
      path, node, cluster, expected.node.value(), expected.cluster.value()));
}

}  // namespace synod::storage
