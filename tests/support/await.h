// Waiting for a real condition instead of for a time.
#ifndef SYNOD_TESTS_SUPPORT_AWAIT_H_
#define SYNOD_TESTS_SUPPORT_AWAIT_H_

#include <functional>

#include "absl/time/time.h"

namespace synod::testing {

// Asks `condition` every few milliseconds until it holds or `limit` has passed; returns what it
// said last. The condition is asked at least once and runs on the calling thread.
bool Await(absl::Duration limit, const std::function<bool()>& condition);

}  // namespace synod::testing

#endif  // SYNOD_TESTS_SUPPORT_AWAIT_H_
