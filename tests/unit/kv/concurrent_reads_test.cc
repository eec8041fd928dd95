// Views taken while the store changes: always whole, never older than one seen before.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "services/kv/state_machine.h"
#include "tests/unit/kv/store.h"

namespace synod::kv {
namespace {

// One slot in each Apply puts the same value to two keys by two commands, so that any view between
// them would show.
TEST(ConcurrentReadsTest, ViewsAreWholeAppliesInOrder) {
  constexpr int kApplies = 2000;
  Store store(/*cache_bytes=*/0);
  std::atomic<uint64_t> acknowledged{0};
  std::atomic<bool> done{false};
  const auto read = [&] {
    Slot last;
    do {
      const uint64_t at_least = acknowledged.load();
      const auto view = store.machine().View();
      ASSERT_GE(view->applied(), last);
      ASSERT_GE(view->applied().value(), at_least);
      last = view->applied();
      ASSERT_EQ(view->revision(), 1 + 2 * static_cast<Revision>(last.value()));
      const auto pair = view->Range({.key = "a", .range_end = "c"});
      ASSERT_EQ(pair.error, Error::kNone);
      if (!last) continue;
      ASSERT_EQ(pair.response.count, 2);
      ASSERT_EQ(pair.response.kvs[0].value, pair.response.kvs[1].value);
      ASSERT_EQ(pair.response.kvs[0].value, std::to_string(last.value()));
    } while (!done);
  };
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) readers.emplace_back(read);
  for (int i = 1; i <= kApplies; ++i) {
    const std::string value = std::to_string(i);
    const std::string a = EncodeCommand(PutRequest{.key = "a", .value = value});
    const std::string b = EncodeCommand(PutRequest{.key = "b", .value = value});
    store.ApplyBytes({a, b});
    acknowledged = static_cast<uint64_t>(i);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace synod::kv
