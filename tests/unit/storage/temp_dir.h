// A directory of the test's own, removed with all its contents.
#ifndef SYNOD_TESTS_UNIT_STORAGE_TEMP_DIR_H_
#define SYNOD_TESTS_UNIT_STORAGE_TEMP_DIR_H_

#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace synod::storage {

class TempDir {
 public:
  TempDir() : path_((std::filesystem::temp_directory_path() / "synod-XXXXXX").string()) {
    SYNOD_CHECK(::mkdtemp(path_.data()) != nullptr) << path_;
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return absl::StrCat(path_, "/", name); }

 private:
  std::string path_;
};

}  // namespace synod::storage

#endif  // SYNOD_TESTS_UNIT_STORAGE_TEMP_DIR_H_
