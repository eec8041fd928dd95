// Damage that no checksum sees: the state of a node that is down, changed the way a bit that flips
// in memory changes it before it is written.
#ifndef SYNOD_TESTS_SUPPORT_WRONG_VALUE_H_
#define SYNOD_TESTS_SUPPORT_WRONG_VALUE_H_

#include <gtest/gtest.h>

#include <string>

#include "services/kv/format.h"
#include "services/storage/rocksdb_engine.h"

namespace synod::testing {

// Gives `key` the value "wrong" under the versions that it has. Call it with
// ASSERT_NO_FATAL_FAILURE. Whoever calls it links synod::kv and synod::rocksdb_engine.
inline void WriteWrongValue(const std::string& state_dir, const std::string& key) {
  const auto engine = storage::OpenRocksdbEngine({.dir = state_dir});
  ASSERT_TRUE(engine.ok()) << engine.status();
  std::string bytes;
  kv::Newest newest;
  ASSERT_TRUE(*(*engine)->Get(storage::Column::kCurrent, key, &bytes));
  ASSERT_TRUE(kv::DecodeNewest(bytes, &newest));
  newest.version.value = "wrong";
  const auto batch = (*engine)->NewBatch();
  batch->Put(storage::Column::kCurrent, key, kv::EncodeNewest(newest));
  ASSERT_TRUE((*engine)->Write(*batch).ok());
  ASSERT_TRUE((*engine)->Flush().ok());
}

}  // namespace synod::testing

#endif  // SYNOD_TESTS_SUPPORT_WRONG_VALUE_H_
