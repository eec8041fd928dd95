// What a slot chooses: a no-op, a batch of commands, or a configuration.
//
// A value is encoded once, where it is proposed; log and peers carry the same bytes, and the
// commands are looked at again only when they are applied. Copies share the bytes.
//
// Encoding: one kind byte, then for kCommands per command
//   origin u64, sequence u64, length u32 (little-endian), payload,
// and for kConfiguration exactly one such command, whose payload is a ConfigurationChange.
// Thread-safety: immutable after construction.
#ifndef SYNOD_SERVICES_PAXOS_VALUE_H_
#define SYNOD_SERVICES_PAXOS_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/ids.h"

namespace synod::paxos {

// Names one command for ever. The origin never uses a sequence twice, restarts included (drivers
// start each life from a random 64-bit number).
struct CommandId {
  NodeId origin;
  uint64_t sequence = 0;

  friend auto operator<=>(const CommandId&, const CommandId&) = default;
  template <class H>
  friend H AbslHashValue(H h, const CommandId& id) {
    return H::combine(std::move(h), id.origin, id.sequence);
  }
};

enum class CommandKind : uint8_t {
  kRequest = 0,        // the payload is opaque to Paxos
  kConfiguration = 1,  // the payload is a ConfigurationChange; has a slot of its own
};

// A command as its origin hands it over.
struct Command {
  CommandId id;
  std::string payload;
  CommandKind kind = CommandKind::kRequest;
};

// A command inside a value; the payload points into the value's bytes.
struct CommandView {
  CommandId id;
  absl::string_view payload;
};

class Value {
 public:
  enum class Kind : uint8_t { kNoOp = 0, kCommands = 1, kConfiguration = 2 };

  // A no-op.
  Value();

  // Precondition: not empty; either all are requests, or there is one, for a configuration.
  static Value OfCommands(const std::vector<Command>& commands);

  // Takes bytes() of another process. InvalidArgument when they are not a whole, well-framed value.
  static absl::StatusOr<Value> Parse(std::string bytes);

  Kind kind() const { return static_cast<Kind>((*bytes_)[0]); }
  bool is_no_op() const { return kind() == Kind::kNoOp; }

  // The whole encoding, kind byte included; never empty.
  absl::string_view bytes() const { return *bytes_; }

  // The commands in order; empty for other kinds. The views live as long as a copy of this value.
  std::vector<CommandView> Commands() const;

  // Precondition: kind() is kConfiguration. The view lives as long as a copy of this value.
  CommandView configuration() const;

  friend bool operator==(const Value& a, const Value& b) {
    return a.bytes_ == b.bytes_ || *a.bytes_ == *b.bytes_;
  }

 private:
  explicit Value(std::string bytes);

  std::shared_ptr<const std::string> bytes_;
};

}  // namespace synod::paxos

#endif  // SYNOD_SERVICES_PAXOS_VALUE_H_
