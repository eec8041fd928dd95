#include "common/utf8.h"

#include <cstddef>
#include <cstdint>

namespace synod {
namespace {

struct Bounds {
  uint8_t low;
  uint8_t high;
};

// Of the byte behind `lead`, which keeps out overlong forms, surrogates and what is too large.
Bounds SecondByte(uint8_t lead) {
  switch (lead) {
    case 0xe0:
      return {0xa0, 0xbf};
    case 0xed:
      return {0x80, 0x9f};
    case 0xf0:
      return {0x90, 0xbf};
    case 0xf4:
      return {0x80, 0x8f};
    default:
      return {0x80, 0xbf};
  }
}

// Of the character that begins with `lead`; 0 when none does.
size_t Length(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

}  // namespace

bool IsUtf8(absl::string_view bytes) {
  while (!bytes.empty()) {
    const auto lead = static_cast<uint8_t>(bytes[0]);
    const size_t length = Length(lead);
    if (length == 0 || bytes.size() < length) return false;
    Bounds bounds = SecondByte(lead);
    for (size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<uint8_t>(bytes[i]);
      if (byte < bounds.low || byte > bounds.high) return false;
      bounds = {0x80, 0xbf};
    }
    bytes.remove_prefix(length);
  }
  return true;
}

}  // namespace synod
