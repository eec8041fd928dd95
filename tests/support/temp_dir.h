// A directory that lives as long as the object.
#ifndef SYNOD_TESTS_SUPPORT_TEMP_DIR_H_
#define SYNOD_TESTS_SUPPORT_TEMP_DIR_H_

#include <string>

namespace synod::testing {

class TempDir {
 public:
  // Creates an empty directory with mode 0700 under $TMPDIR or /tmp; aborts if it cannot.
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// The file's whole text; empty when there is none.
std::string ReadFile(const std::string& path);

void WriteFile(const std::string& path, const std::string& text);

}  // namespace synod::testing

#endif  // SYNOD_TESTS_SUPPORT_TEMP_DIR_H_
