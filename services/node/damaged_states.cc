#include "services/node/damaged_states.h"

#include <cstdint>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "services/storage/snapshot.h"

namespace synod::node {
namespace {

constexpr absl::string_view kPrefix = "state.damaged-";
constexpr size_t kKept = 2;

// By number.
absl::StatusOr<std::map<uint64_t, std::string>> DamagedStates(storage::Env* env,
                                                              const std::string& data_dir) {
  const auto names = env->List(data_dir);
  if (!names.ok()) return names.status();
  std::map<uint64_t, std::string> found;
  for (absl::string_view name : *names) {
    uint64_t number = 0;
    absl::string_view digits = name;
    if (!absl::ConsumePrefix(&digits, kPrefix) || !absl::SimpleAtoi(digits, &number)) continue;
    found[number] = absl::StrCat(data_dir, "/", name);
  }
  return found;
}

}  // namespace

absl::StatusOr<std::string> PutAside(storage::Env* env, const std::string& data_dir,
                                     const std::string& state) {
  const auto found = DamagedStates(env, data_dir);
  if (!found.ok()) return found.status();
  const uint64_t number = found->empty() ? 1 : found->rbegin()->first + 1;
  const std::string aside = absl::StrCat(data_dir, "/", kPrefix, number);
  auto status = env->Rename(state, aside);
  if (status.ok()) status = env->SyncDir(data_dir);
  if (!status.ok()) return status;
  return aside;
}

std::vector<std::string> RemoveOldDamagedStates(storage::Env* env, const std::string& data_dir) {
  std::vector<std::string> removed;
  auto found = DamagedStates(env, data_dir);
  if (!found.ok()) return removed;
  for (; found->size() > kKept; found->erase(found->begin())) {
    const std::string& oldest = found->begin()->second;
    if (storage::RemoveDirectory(env, oldest).ok()) removed.push_back(oldest);
  }
  return removed;
}

}  // namespace synod::node
