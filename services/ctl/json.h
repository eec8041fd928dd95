// Protobuf messages as the JSON that etcdctl prints: proto field names, byte strings in base64,
// 64-bit integers and enums as numbers, defaults left out.
#ifndef SYNOD_SERVICES_CTL_JSON_H_
#define SYNOD_SERVICES_CTL_JSON_H_

#include <string>

namespace google::protobuf {
class Message;
}

namespace synod::ctl {

// (protobuf's own JSON writes 64-bit integers as strings, which etcdctl does not.)
std::string ToJson(const google::protobuf::Message& message);

}  // namespace synod::ctl

#endif  // SYNOD_SERVICES_CTL_JSON_H_
