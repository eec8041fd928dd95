// What a disk does to the files of a state, over the years.
#ifndef SYNOD_TESTS_UNIT_NODE_ROT_H_
#define SYNOD_TESTS_UNIT_NODE_ROT_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace synod::node {

// Flips a bit of the first data block of each table in `dir`, but of those too small to hold a
// value of some kilobytes: the directory can still be opened.
inline void RotTables(const std::string& dir) {
  constexpr uint64_t kSmall = 4096;
  constexpr std::streamoff kInFirstBlock = 40;
  int rotten = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() != ".sst" || entry.file_size() < kSmall) continue;
    std::fstream table(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    table.seekg(kInFirstBlock);
    const char was = static_cast<char>(table.get());
    table.seekp(kInFirstBlock);
    table.put(static_cast<char>(was ^ 1));
    ASSERT_TRUE(table.good());
    ++rotten;
  }
  ASSERT_GT(rotten, 0) << "no table to be damaged";
}

}  // namespace synod::node

#endif  // SYNOD_TESTS_UNIT_NODE_ROT_H_
