#include "services/kv/version_cache.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace synod::kv {
namespace {

TEST(VersionCacheTest, KeepsTheLatestBytes) {
  VersionCache cache(10000);
  cache.Insert("a", "1");
  cache.Insert("a", "2");
  ASSERT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(*cache.Find("a"), "2");
  EXPECT_EQ(cache.Find("b"), nullptr);
  cache.Erase("a");
  EXPECT_EQ(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.size_bytes(), 0u);
}

TEST(VersionCacheTest, TheLeastRecentlyUsedLeavesFirst) {
  VersionCache cache(1000);
  for (const char* key : {"a", "b", "c"}) cache.Insert(key, std::string(180, 'v'));
  ASSERT_NE(cache.Find("a"), nullptr);
  cache.Insert("d", std::string(180, 'v'));
  EXPECT_NE(cache.Find("a"), nullptr);
  EXPECT_EQ(cache.Find("b"), nullptr);
  EXPECT_NE(cache.Find("d"), nullptr);
}

TEST(VersionCacheTest, StaysWithinItsBytesWhateverComes) {
  VersionCache cache(5000);
  for (int i = 0; i < 1000; ++i) {
    cache.Insert(absl::StrCat("k", i % 70), std::string(static_cast<size_t>(i % 300), 'v'));
    EXPECT_LE(cache.size_bytes(), 5000u);
  }
  cache.Insert("too large", std::string(6000, 'v'));
  EXPECT_EQ(cache.Find("too large"), nullptr);
  EXPECT_LE(cache.size_bytes(), 5000u);
}

}  // namespace
}  // namespace synod::kv
