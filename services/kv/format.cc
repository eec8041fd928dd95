#include "services/kv/format.h"

#include "common/bytes.h"

namespace synod::kv {
namespace {

constexpr absl::string_view kTombstonePrefix = "kv.tombstone.";
constexpr size_t kPositionBytes = 12;
constexpr size_t kVersionBytes = 40;  // without the value

template <std::unsigned_integral T>
void AppendBigEndian(std::string& out, T value) {
  for (int shift = 8 * (sizeof value - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
}

template <std::unsigned_integral T>
T ReadBigEndian(absl::string_view bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof value; ++i) {
    value = static_cast<T>(value << 8) | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

void AppendPositionKey(std::string& out, Position position) {
  AppendBigEndian(out, static_cast<uint64_t>(position.revision));
  AppendBigEndian(out, position.sub);
}

bool ReadPositionKey(absl::string_view bytes, Position* position) {
  if (bytes.size() != kPositionBytes) return false;
  position->revision = static_cast<Revision>(ReadBigEndian<uint64_t>(bytes));
  position->sub = ReadBigEndian<uint32_t>(bytes.substr(8));
  return true;
}

void AppendNumber(std::string& out, int64_t value) {
  AppendFixed(out, static_cast<uint64_t>(value));
}

int64_t ReadNumber(ByteReader& reader) {
  return static_cast<int64_t>(reader.Fixed<uint64_t>());
}

void AppendPosition(std::string& out, Position position) {
  AppendNumber(out, position.revision);
  AppendFixed(out, position.sub);
}

Position ReadPosition(ByteReader& reader) {
  Position position;
  position.revision = ReadNumber(reader);
  position.sub = reader.Fixed<uint32_t>();
  return position;
}

// All of a version but its position.
void AppendContent(std::string& out, const Version& version) {
  AppendNumber(out, version.create_revision);
  AppendNumber(out, version.version);
  AppendNumber(out, version.lease);
  AppendBytes(out, version.value);
}

void ReadContent(ByteReader& reader, Version* version) {
  version->create_revision = ReadNumber(reader);
  version->version = ReadNumber(reader);
  version->lease = ReadNumber(reader);
  version->value = reader.Bytes();
}

}  // namespace

KeyValue ToKeyValue(absl::string_view key, const Version& version) {
  return KeyValue{.key = std::string(key),
                  .value = std::string(version.value),
                  .create_revision = version.create_revision,
                  .mod_revision = version.mod_revision(),
                  .version = version.version,
                  .lease = version.lease};
}

std::string EncodeNewest(const Newest& newest) {
  std::string out;
  out.reserve(kVersionBytes + newest.version.value.size() + newest.path.size());
  AppendPosition(out, newest.version.position);
  AppendContent(out, newest.version);
  out.append(newest.path.data(), newest.path.size());
  return out;
}

bool DecodeNewest(absl::string_view bytes, Newest* newest) {
  ByteReader reader(bytes);
  newest->version.position = ReadPosition(reader);
  ReadContent(reader, &newest->version);
  newest->path = reader.rest();
  return reader.ok();
}

std::string EncodeHistory(const HistoryRecord& record) {
  std::string out;
  out.reserve(record.key.size() + record.written.value.size() + kPositionBytes + 2 * kVersionBytes +
              (record.replaced ? record.replaced->value.size() : 0));
  AppendBytes(out, record.key);
  AppendPosition(out, record.jump);
  AppendContent(out, record.written);
  if (record.replaced) {
    AppendPosition(out, record.replaced->position);
    AppendContent(out, *record.replaced);
  }
  return out;
}

bool DecodeHistory(Position position, absl::string_view bytes, HistoryRecord* record) {
  ByteReader reader(bytes);
  record->key = reader.Bytes();
  record->jump = ReadPosition(reader);
  record->written.position = position;
  ReadContent(reader, &record->written);
  record->replaced.reset();
  if (reader.ok() && !reader.done()) {
    Version& replaced = record->replaced.emplace();
    replaced.position = ReadPosition(reader);
    ReadContent(reader, &replaced);
  }
  return reader.done();
}

std::string HistoryKey(Position position) {
  std::string key;
  AppendPositionKey(key, position);
  return key;
}

bool DecodeHistoryKey(absl::string_view key, Position* position) {
  return ReadPositionKey(key, position);
}

std::string TombstoneKey(Position position) {
  std::string key(kTombstonePrefix.data(), kTombstonePrefix.size());
  AppendPositionKey(key, position);
  return key;
}

bool DecodeTombstoneKey(absl::string_view key, Position* position) {
  if (key.substr(0, kTombstonePrefix.size()) != kTombstonePrefix) return false;
  return ReadPositionKey(key.substr(kTombstonePrefix.size()), position);
}

std::string EncodeState(const State& state) {
  std::string out;
  AppendFixed(out, state.applied.value());
  AppendNumber(out, state.revision);
  AppendNumber(out, state.floor);
  AppendPosition(out, state.swept);
  return out;
}

bool DecodeState(absl::string_view bytes, State* state) {
  ByteReader reader(bytes);
  state->applied = Slot(reader.Fixed<uint64_t>());
  state->revision = ReadNumber(reader);
  state->floor = ReadNumber(reader);
  state->swept = ReadPosition(reader);
  return reader.done();
}

std::string EncodeFormat() {
  std::string out;
  AppendFixed(out, kStateFormat);
  return out;
}

bool DecodeFormat(absl::string_view bytes, uint32_t* format) {
  ByteReader reader(bytes);
  *format = reader.Fixed<uint32_t>();
  return reader.done();
}

}  // namespace synod::kv
