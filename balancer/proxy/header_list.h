// One header section as it came off the wire, in order, names and values byte for byte.
//
// All text lies in one block, so that a section costs two allocations however many fields it has.
// Thread-safety: none.
#ifndef SYNOD_BALANCER_PROXY_HEADER_LIST_H_
#define SYNOD_BALANCER_PROXY_HEADER_LIST_H_

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"

namespace synod::balancer {

class HeaderList {
 public:
  // `never_index` is HPACK's mark for values that no hop may put in its table; it travels on.
  void Add(absl::string_view name, absl::string_view value, bool never_index = false);

  size_t count() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }

  // As RFC 9113 section 6.5.2 counts: names, values and 32 bytes per field.
  size_t wire_size() const { return text_.size() + 32 * fields_.size(); }

  // The value of the first field of that name; nullopt-like null view (data() == nullptr) without.
  absl::string_view Get(absl::string_view name) const;

  // Replaces the value of the first field of that name. Precondition: there is one.
  void Set(absl::string_view name, absl::string_view value);

  void Clear();

  // Views into this list for nghttp2's submit functions; valid until it changes.
  using NvArray = absl::InlinedVector<nghttp2_nv, 24>;
  NvArray ToNv() const;

 private:
  struct Field {
    uint32_t name_offset;
    uint32_t name_size;
    uint32_t value_offset;
    uint32_t value_size;
    bool never_index;
  };

  absl::string_view NameOf(const Field& field) const {
    return absl::string_view(text_.data() + field.name_offset, field.name_size);
  }

  std::string text_;
  std::vector<Field> fields_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_PROXY_HEADER_LIST_H_
