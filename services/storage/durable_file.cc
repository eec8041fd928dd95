#include "services/storage/durable_file.h"

#include "absl/strings/str_cat.h"

namespace synod::storage {

absl::Status WriteDurably(Env* env, const std::string& dir, absl::string_view name,
                          absl::string_view contents) {
  const std::string path = absl::StrCat(dir, "/", name);
  const std::string unfinished = absl::StrCat(path, ".tmp");
  if (absl::Status status = env->Remove(unfinished); !status.ok() && !absl::IsNotFound(status)) {
    return status;
  }
  auto file = env->CreateZeroed(unfinished, 0);
  if (!file.ok()) return file.status();
  if (absl::Status status = (*file)->WriteAt(0, contents); !status.ok()) return status;
  if (absl::Status status = (*file)->Sync(); !status.ok()) return status;
  if (absl::Status status = env->Rename(unfinished, path); !status.ok()) return status;
  return env->SyncDir(dir);
}

}  // namespace synod::storage
