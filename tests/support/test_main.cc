// The main function of every test program. Skipped tests show in the exit code, so that CTest counts
// the program as skipped: a summary of "passed" must not hide what was not looked at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

namespace {

constexpr int kSkipped = 77;  // SKIP_RETURN_CODE in cmake/SynodBuild.cmake

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleMock(&argc, argv);
  const int failed = RUN_ALL_TESTS();
  if (failed != 0) return failed;
  const int skipped = ::testing::UnitTest::GetInstance()->skipped_test_count();
  if (skipped == 0) return 0;
  std::cout << skipped << " tests were skipped\n";
  return kSkipped;
}
