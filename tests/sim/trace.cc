#include "tests/sim/trace.h"

#include <xxhash.h>

#include <bit>
#include <iomanip>

namespace synod::sim {

uint64_t HashBytes(absl::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

void Trace::Mix(uint64_t word) {
  hash_ = std::rotl(hash_ ^ (word * 0xff51afd7ed558ccd), 29) * 0xc4ceb9fe1a85ec53;
}

void Trace::Note(absl::Duration now, NodeId node, absl::string_view what,
                 std::initializer_list<Field> fields) {
  ++events_;
  Mix(static_cast<uint64_t>(absl::ToInt64Nanoseconds(now)));
  Mix(node.value());
  Mix(HashBytes(what));
  for (const Field& field : fields) Mix(field.value);
  if (out_ == nullptr) return;
  *out_ << "t=" << std::fixed << std::setprecision(6) << absl::ToDoubleSeconds(now);
  if (node) *out_ << " node=" << node;
  *out_ << " " << what;
  for (const Field& field : fields) {
    *out_ << " " << field.name << "=";
    if (field.text != nullptr) {
      *out_ << field.text;
    } else {
      *out_ << field.value;
    }
  }
  *out_ << "\n";
}

}  // namespace synod::sim
