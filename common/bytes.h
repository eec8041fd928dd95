// Little-endian fixed-width numbers and length-prefixed strings: the one byte codec of everything
// Synod stores or hashes. (Wire messages between processes are protobuf.)
#ifndef SYNOD_COMMON_BYTES_H_
#define SYNOD_COMMON_BYTES_H_

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/string_view.h"

namespace synod {

static_assert(std::endian::native == std::endian::little, "port AppendFixed and ByteReader first");

template <std::unsigned_integral T>
void AppendFixed(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// u32 length, then the bytes.
inline void AppendBytes(std::string& out, absl::string_view bytes) {
  AppendFixed(out, static_cast<uint32_t>(bytes.size()));
  out.append(bytes.data(), bytes.size());
}

// Reads what the functions above wrote. A read past the end yields zero or "" and makes ok() false
// for good, so that a decoder checks once, at its end. Views point into the input.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view input) : rest_(input) {}

  template <std::unsigned_integral T>
  T Fixed() {
    T value = 0;
    if (!Need(sizeof value)) return 0;
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }

  absl::string_view Bytes() {
    const auto size = Fixed<uint32_t>();
    if (!Need(size)) return {};
    const absl::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  bool ok() const { return ok_; }
  // True when everything was read and nothing is left over.
  bool done() const { return ok_ && rest_.empty(); }
  absl::string_view rest() const { return rest_; }

 private:
  bool Need(size_t size) {
    ok_ = ok_ && rest_.size() >= size;
    return ok_;
  }

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace synod

#endif  // SYNOD_COMMON_BYTES_H_
