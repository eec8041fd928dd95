#include "services/ctl/json.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"

namespace synod::ctl {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

Json Convert(const Message& message);

Json Text(const FieldDescriptor& field, const std::string& value) {
  if (field.type() != FieldDescriptor::TYPE_BYTES) return value;
  return absl::Base64Escape(value);
}

Json Single(const Message& message, const FieldDescriptor& field) {
  const Reflection& get = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return get.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return get.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return get.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return get.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return get.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return get.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return get.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return get.GetEnumValue(message, &field);
    case FieldDescriptor::CPPTYPE_STRING:
      return Text(field, get.GetString(message, &field));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Convert(get.GetMessage(message, &field));
  }
  return nullptr;
}

// Of the repeated fields only strings, messages and maps occur in what synodctl prints.
Json Repeated(const Message& message, const FieldDescriptor& field) {
  const Reflection& get = *message.GetReflection();
  Json list = Json::array();
  for (int i = 0; i < get.FieldSize(message, &field); ++i) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      list.push_back(Convert(get.GetRepeatedMessage(message, &field, i)));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      list.push_back(Text(field, get.GetRepeatedString(message, &field, i)));
    }
  }
  return list;
}

// response_put as ResponsePut.
std::string GoName(const std::string& name) {
  std::string out;
  bool starts = true;
  for (const char c : name) {
    if (c != '_') out.push_back(starts ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c);
    starts = c == '_';
  }
  return out;
}

Json Convert(const Message& message) {
  Json object = Json::object();
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (const auto* oneof = field->real_containing_oneof()) {
      // The structs that etcdctl prints have an interface there, with one struct for each choice.
      object[GoName(oneof->name())][GoName(field->name())] = Single(message, *field);
      continue;
    }
    object[field->name()] =
        field->is_repeated() ? Repeated(message, *field) : Single(message, *field);
  }
  return object;
}

}  // namespace

std::string ToJson(const Message& message) {
  // Keys are base64 already; what else is not UTF-8 must not throw.
  return Convert(message).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace synod::ctl
