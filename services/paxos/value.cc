#include "services/paxos/value.h"

#include <utility>

#include "common/bytes.h"
#include "common/check.h"

namespace synod::paxos {
namespace {

constexpr size_t kCommandOverhead = 8 + 8 + 4;

CommandView ReadCommand(ByteReader& reader) {
  const NodeId origin(reader.Fixed<uint64_t>());
  const auto sequence = reader.Fixed<uint64_t>();
  return {{origin, sequence}, reader.Bytes()};
}

// No-ops are frequent after elections and all alike.
std::shared_ptr<const std::string> NoOpBytes() {
  static const auto* const bytes = new std::shared_ptr<const std::string>(
      std::make_shared<const std::string>(1, static_cast<char>(Value::Kind::kNoOp)));
  return *bytes;
}

}  // namespace

Value::Value() : bytes_(NoOpBytes()) {}

Value::Value(std::string bytes) : bytes_(std::make_shared<const std::string>(std::move(bytes))) {}

Value Value::OfCommands(const std::vector<Command>& commands) {
  SYNOD_CHECK(!commands.empty());
  const CommandKind kind = commands[0].kind;
  size_t size = 1;
  for (const Command& command : commands) {
    SYNOD_CHECK(command.kind == kind) << "two kinds in one value";
    size += kCommandOverhead + command.payload.size();
  }
  SYNOD_CHECK(kind == CommandKind::kRequest || commands.size() == 1);
  std::string bytes;
  bytes.reserve(size);
  bytes.push_back(
      static_cast<char>(kind == CommandKind::kRequest ? Kind::kCommands : Kind::kConfiguration));
  for (const Command& command : commands) {
    AppendFixed(bytes, command.id.origin.value());
    AppendFixed(bytes, command.id.sequence);
    AppendBytes(bytes, command.payload);
  }
  return Value(std::move(bytes));
}

absl::StatusOr<Value> Value::Parse(std::string bytes) {
  if (bytes.empty()) return absl::InvalidArgumentError("value: no kind byte");
  switch (static_cast<Kind>(bytes[0])) {
    case Kind::kNoOp:
      if (bytes.size() != 1) return absl::InvalidArgumentError("value: no-op with a body");
      return Value();
    case Kind::kConfiguration: {
      ByteReader reader(absl::string_view(bytes).substr(1));
      ReadCommand(reader);
      if (!reader.done()) return absl::InvalidArgumentError("value: not one configuration change");
      return Value(std::move(bytes));
    }
    case Kind::kCommands: {
      ByteReader reader(absl::string_view(bytes).substr(1));
      if (reader.rest().empty()) return absl::InvalidArgumentError("value: empty batch");
      while (reader.ok() && !reader.rest().empty()) ReadCommand(reader);
      if (!reader.ok()) return absl::InvalidArgumentError("value: a command is cut short");
      return Value(std::move(bytes));
    }
  }
  return absl::InvalidArgumentError("value: unknown kind");
}

std::vector<CommandView> Value::Commands() const {
  std::vector<CommandView> commands;
  if (kind() != Kind::kCommands) return commands;
  ByteReader reader(absl::string_view(*bytes_).substr(1));
  while (reader.ok() && !reader.rest().empty()) commands.push_back(ReadCommand(reader));
  return commands;
}

CommandView Value::configuration() const {
  SYNOD_CHECK(kind() == Kind::kConfiguration);
  ByteReader reader(absl::string_view(*bytes_).substr(1));
  return ReadCommand(reader);
}

}  // namespace synod::paxos
