#include "services/kv/command.h"

#include <concepts>
#include <type_traits>
#include <utility>

#include "common/bytes.h"

namespace synod::kv {
namespace {

constexpr uint8_t kFormat = 1;

enum class Kind : uint8_t {
  kPut = 1,
  kDeleteRange = 2,
  kTxn = 3,
  kCompact = 4,
  kRange = 5,
  kAlarm = 6
};

template <class T>
constexpr Kind KindOf() {
  if constexpr (std::is_same_v<T, PutRequest>) return Kind::kPut;
  if constexpr (std::is_same_v<T, DeleteRangeRequest>) return Kind::kDeleteRange;
  if constexpr (std::is_same_v<T, TxnRequest>) return Kind::kTxn;
  if constexpr (std::is_same_v<T, CompactRequest>) return Kind::kCompact;
  if constexpr (std::is_same_v<T, RangeRequest>) return Kind::kRange;
  if constexpr (std::is_same_v<T, AlarmRequest>) return Kind::kAlarm;
}

// The fields of each request in their order in the bytes, stated once for both directions. `Of` is
// the request, const when it is being written.
template <class Codec, class T>
using Of = std::conditional_t<Codec::kWrites, const T, T>;

template <class Codec>
void Fields(Codec& codec, Of<Codec, RangeRequest>& range) {
  codec.Bytes(range.key);
  codec.Bytes(range.range_end);
  codec.Number(range.limit);
  codec.Number(range.revision);
  codec.Enum(range.sort_order, SortOrder::kDescend);
  codec.Enum(range.sort_target, SortTarget::kValue);
  codec.Bool(range.serializable);
  codec.Bool(range.keys_only);
  codec.Bool(range.count_only);
  codec.Number(range.min_mod_revision);
  codec.Number(range.max_mod_revision);
  codec.Number(range.min_create_revision);
  codec.Number(range.max_create_revision);
}

template <class Codec>
void Fields(Codec& codec, Of<Codec, PutRequest>& put) {
  codec.Bytes(put.key);
  codec.Bytes(put.value);
  codec.Number(put.lease);
  codec.Bool(put.prev_kv);
  codec.Bool(put.ignore_value);
  codec.Bool(put.ignore_lease);
}

template <class Codec>
void Fields(Codec& codec, Of<Codec, DeleteRangeRequest>& erase) {
  codec.Bytes(erase.key);
  codec.Bytes(erase.range_end);
  codec.Bool(erase.prev_kv);
}

template <class Codec>
void Fields(Codec& codec, Of<Codec, Compare>& compare) {
  codec.Enum(compare.result, CompareResult::kNotEqual);
  codec.Enum(compare.target, CompareTarget::kLease);
  codec.Bytes(compare.key);
  codec.Bytes(compare.range_end);
  codec.Number(compare.number);
  codec.Bytes(compare.value);
}

template <class Codec>
void Fields(Codec& codec, Of<Codec, Operation>& operation) {
  codec.OneOf(operation);
}

template <class Codec>
void Fields(Codec& codec, Of<Codec, TxnRequest>& txn) {
  codec.Enter();
  codec.List(txn.compare);
  codec.List(txn.success);
  codec.List(txn.failure);
  codec.Leave();
}

template <class Codec>
void Fields(Codec& codec, Of<Codec, CompactRequest>& compact) {
  codec.Number(compact.revision);
  codec.Bool(compact.physical);
}

template <class Codec>
void Fields(Codec& codec, Of<Codec, AlarmRequest>& request) {
  codec.Enum(request.action, AlarmAction::kDeactivate);
  codec.Enum(request.alarm.type, AlarmType::kCorrupt);
  codec.Id(request.alarm.member);
}

class Encoder {
 public:
  static constexpr bool kWrites = true;

  void Bytes(const std::string& value) { AppendBytes(out_, value); }
  void Bool(bool value) { AppendFixed(out_, static_cast<uint8_t>(value)); }

  // Seven bits a byte, low ones first: most numbers of most requests are zero.
  void Number(int64_t value) {
    auto rest = static_cast<uint64_t>(value);
    for (; rest >= 0x80; rest >>= 7) AppendFixed(out_, static_cast<uint8_t>(rest | 0x80));
    AppendFixed(out_, static_cast<uint8_t>(rest));
  }

  void Id(NodeId value) { AppendFixed(out_, value.value()); }

  template <class E>
  void Enum(E value, E /*last*/) {
    AppendFixed(out_, static_cast<uint8_t>(value));
  }

  template <class T>
  void List(const std::vector<T>& list) {
    AppendFixed(out_, static_cast<uint32_t>(list.size()));
    for (const T& item : list) Fields(*this, item);
  }

  template <class... T>
  void OneOf(const std::variant<T...>& request) {
    std::visit(
        [this](const auto& one) {
          AppendFixed(out_, static_cast<uint8_t>(KindOf<std::decay_t<decltype(one)>>()));
          Fields(*this, one);
        },
        request);
  }

  void Enter() {}
  void Leave() {}

  std::string Finish() && { return std::move(out_); }

 private:
  std::string out_ = std::string(1, static_cast<char>(kFormat));
};

class Decoder {
 public:
  static constexpr bool kWrites = false;

  explicit Decoder(absl::string_view bytes) : reader_(bytes) {
    Expect(reader_.Fixed<uint8_t>() == kFormat);
  }

  void Bytes(std::string& value) {
    const absl::string_view bytes = reader_.Bytes();
    value.assign(bytes.data(), bytes.size());
  }

  void Bool(bool& value) {
    const auto byte = reader_.Fixed<uint8_t>();
    Expect(byte <= 1);
    value = byte == 1;
  }

  void Number(int64_t& value) {
    uint64_t number = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = reader_.Fixed<uint8_t>();
      // One encoding for each number: no tenth byte above one, no needless zero at the end.
      Expect(shift < 63 || byte <= 1);
      Expect(shift == 0 || byte != 0);
      if (!ok()) return;
      number |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    value = static_cast<int64_t>(number);
  }

  void Id(NodeId& value) { value = NodeId(reader_.Fixed<uint64_t>()); }

  template <class E>
  void Enum(E& value, E last) {
    const auto byte = reader_.Fixed<uint8_t>();
    Expect(byte <= static_cast<uint8_t>(last));
    if (ok()) value = static_cast<E>(byte);
  }

  // Memory stays in proportion to the input: items are made one by one as their bytes turn up.
  template <class T>
  void List(std::vector<T>& list) {
    const auto size = reader_.Fixed<uint32_t>();
    for (uint32_t i = 0; i < size && ok(); ++i) Fields(*this, list.emplace_back());
  }

  template <class... T>
  void OneOf(std::variant<T...>& request) {
    const auto kind = static_cast<Kind>(reader_.Fixed<uint8_t>());
    const bool known =
        ((kind == KindOf<T>() && (Fields(*this, request.template emplace<T>()), true)) || ...);
    Expect(known);
  }

  void Enter() { Expect(++depth_ <= kMaxTxnDepth); }
  void Leave() { --depth_; }

  bool done() const { return ok() && reader_.done(); }

 private:
  bool ok() const { return valid_ && reader_.ok(); }
  void Expect(bool condition) { valid_ = valid_ && condition; }

  ByteReader reader_;
  int depth_ = 0;
  bool valid_ = true;
};

}  // namespace

std::string EncodeCommand(const Request& request) {
  Encoder encoder;
  encoder.OneOf(request);
  return std::move(encoder).Finish();
}

absl::StatusOr<Request> DecodeCommand(absl::string_view bytes) {
  Decoder decoder(bytes);
  Request request;
  decoder.OneOf(request);
  if (!decoder.done()) return absl::InvalidArgumentError("not the bytes of one command");
  return request;
}

}  // namespace synod::kv
