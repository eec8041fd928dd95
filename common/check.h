// CHECK for broken invariants, in release builds too.
//
//   SYNOD_CHECK(slot > applied) << "slot=" << slot.value();
//
// A failed check writes file, line, condition and the streamed text to stderr and aborts. It is for
// states that cannot be reached unless the code is wrong; bad input gets an absl::Status instead.
#ifndef SYNOD_COMMON_CHECK_H_
#define SYNOD_COMMON_CHECK_H_

#include <ostream>
#include <sstream>

namespace synod::internal {

class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  CheckFailure(const CheckFailure&) = delete;
  CheckFailure& operator=(const CheckFailure&) = delete;
  [[noreturn]] ~CheckFailure();
  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

// Gives both arms of the macro's conditional the type void.
struct CheckVoidify {
  void operator&(std::ostream&) const {}
};

}  // namespace synod::internal

#define SYNOD_CHECK(condition)                  \
  (condition) ? (void)0                         \
              : ::synod::internal::CheckVoidify() & \
                    ::synod::internal::CheckFailure(__FILE__, __LINE__, #condition).stream()

#endif  // SYNOD_COMMON_CHECK_H_
