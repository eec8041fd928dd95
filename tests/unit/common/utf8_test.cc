#include "common/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace synod {
namespace {

TEST(Utf8Test, TakesText) {
  const std::string texts[] = {
      "",
      "3.6.0",
      std::string("\0", 1),
      "\x7f",
      "\xc2\x80",
      "\xdf\xbf",
      "\xe0\xa0\x80",
      "\xed\x9f\xbf",
      "\xee\x80\x80",
      "\xef\xbf\xbf",
      "\xf0\x90\x80\x80",
      "\xf4\x8f\xbf\xbf",
      "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z",
  };
  for (const std::string& text : texts) EXPECT_TRUE(IsUtf8(text)) << text;
}

TEST(Utf8Test, RefusesOtherBytes) {
  const std::string others[] = {
      "\x80",  // no lead
      "\xff",
      "\xf5\x80\x80\x80",
      "\xc1\xbf",  // overlong
      "\xe0\x9f\xbf",
      "\xf0\x8f\xbf\xbf",
      "\xed\xa0\x80",      // a surrogate
      "\xf4\x90\x80\x80",  // above U+10FFFF
      "\xc3",
      "\xe2\x82",
      "\xf0\x9f\x98",  // cut short
      "\xc3z",
      "\xe2\x82z",
      "\xf0\x9f\x98z",
      "\xc3\xc3",
      "ok\xfe",
  };
  for (const std::string& other : others) EXPECT_FALSE(IsUtf8(other));
}

}  // namespace
}  // namespace synod
