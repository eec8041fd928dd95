#include "balancer/proxy/header_list.h"

#include "common/check.h"

namespace synod::balancer {
namespace {

// What a gRPC call's headers take, so that neither block grows while they arrive.
constexpr size_t kUsualText = 384;
constexpr size_t kUsualFields = 12;

}  // namespace

void HeaderList::Add(absl::string_view name, absl::string_view value, bool never_index) {
  if (fields_.empty()) {
    text_.reserve(kUsualText);
    fields_.reserve(kUsualFields);
  }
  const uint32_t name_offset = static_cast<uint32_t>(text_.size());
  text_.append(name.data(), name.size());
  text_.append(value.data(), value.size());
  fields_.push_back({name_offset, static_cast<uint32_t>(name.size()),
                     static_cast<uint32_t>(name_offset + name.size()),
                     static_cast<uint32_t>(value.size()), never_index});
}

absl::string_view HeaderList::Get(absl::string_view name) const {
  for (const Field& field : fields_) {
    if (NameOf(field) == name) {
      return absl::string_view(text_.data() + field.value_offset, field.value_size);
    }
  }
  return absl::string_view();
}

void HeaderList::Set(absl::string_view name, absl::string_view value) {
  for (Field& field : fields_) {
    if (NameOf(field) != name) continue;
    field.value_offset = static_cast<uint32_t>(text_.size());
    field.value_size = static_cast<uint32_t>(value.size());
    text_.append(value.data(), value.size());
    return;
  }
  SYNOD_CHECK(false) << "no field " << name;
}

void HeaderList::Clear() {
  text_.clear();
  fields_.clear();
}

HeaderList::NvArray HeaderList::ToNv() const {
  NvArray nv;
  nv.reserve(fields_.size());
  auto* base = reinterpret_cast<uint8_t*>(const_cast<char*>(text_.data()));
  for (const Field& field : fields_) {
    nv.push_back({base + field.name_offset, base + field.value_offset, field.name_size,
                  field.value_size,
                  static_cast<uint8_t>(field.never_index ? NGHTTP2_NV_FLAG_NO_INDEX
                                                         : NGHTTP2_NV_FLAG_NONE)});
  }
  return nv;
}

}  // namespace synod::balancer
