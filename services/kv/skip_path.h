// Pointers by which a read of an old revision crosses many versions of one key in few steps.
//
// The records of one key form a list, newest first. Each record also points to one record further
// back, chosen as in a skew-binary random-access list: the path below holds the roots of complete
// binary trees over the list, newest first, only the two newest of which may have equal height. A
// new record becomes the root over those two, else a tree of its own, and points to the next root.
// The record just above a revision is then reached in O(log n) steps, and a write needs to read no
// record: the path, O(log n) long, is kept beside the newest version.
//
// Source: Myers, "An applicative random-access stack", Information Processing Letters 17 (1983).
//
// A value. Not thread-safe.
#ifndef SYNOD_SERVICES_KV_SKIP_PATH_H_
#define SYNOD_SERVICES_KV_SKIP_PATH_H_

#include <cstdint>
#include <string>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "services/kv/position.h"

namespace synod::kv {

class SkipPath {
 public:
  // Adds the record at `position`, newer than all before. Forgets roots at or below `floor`: no
  // read goes there any more.
  void Push(Position position, Revision floor);

  // What the newest record stores: the next root, or Position() when there is none.
  Position jump() const;

  void AppendTo(std::string& out) const;

  // False unless `bytes` is exactly one path.
  bool Parse(absl::string_view bytes);

 private:
  struct Root {
    Position position;
    uint8_t height = 1;  // its tree holds 2^height - 1 records
  };

  absl::InlinedVector<Root, 8> roots_;  // oldest first, so that a push works at the end
};

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_SKIP_PATH_H_
