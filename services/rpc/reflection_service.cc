#include "services/rpc/reflection_service.h"

#include <set>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpcpp/support/status.h"

namespace synod::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// One stream: answers each question before it reads the next.
template <class Version>
class Conversation final
    : public grpc::ServerBidiReactor<typename Version::Request, typename Version::Response> {
 public:
  explicit Conversation(const std::vector<std::string>& services) : services_(services) {
    this->StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::OK);
    response_.Clear();
    response_.set_valid_host(request_.host());
    *response_.mutable_original_request() = request_;
    Answer();
    this->StartWrite(&response_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return this->Finish(grpc::Status::CANCELLED);
    this->StartRead(&request_);
  }

  void OnDone() override { delete this; }

 private:
  using Request = typename Version::Request;

  void Answer() {
    switch (request_.message_request_case()) {
      case Request::kFileByFilename:
        return AnswerFile(pool_->FindFileByName(request_.file_by_filename()));
      case Request::kFileContainingSymbol:
        return AnswerFile(pool_->FindFileContainingSymbol(request_.file_containing_symbol()));
      case Request::kFileContainingExtension: {
        const auto& wanted = request_.file_containing_extension();
        const Descriptor* type = pool_->FindMessageTypeByName(wanted.containing_type());
        const FieldDescriptor* extension =
            type == nullptr ? nullptr
                            : pool_->FindExtensionByNumber(type, wanted.extension_number());
        return AnswerFile(extension == nullptr ? nullptr : extension->file());
      }
      case Request::kAllExtensionNumbersOfType:
        return AnswerExtensions(request_.all_extension_numbers_of_type());
      case Request::kListServices:
        for (const std::string& service : services_) {
          response_.mutable_list_services_response()->add_service()->set_name(service);
        }
        return;
      case Request::MESSAGE_REQUEST_NOT_SET:
        break;
    }
    Refuse(grpc::StatusCode::INVALID_ARGUMENT, "reflection: the request asks for nothing");
  }

  void AnswerFile(const FileDescriptor* file) {
    if (file == nullptr) {
      return Refuse(grpc::StatusCode::NOT_FOUND, "reflection: no such file, symbol or extension");
    }
    AddFile(*file, /*asked_for=*/true);
  }

  // The file and, before anyone asks, what it imports; each import once per stream.
  void AddFile(const FileDescriptor& file, bool asked_for) {
    const bool is_new = sent_.insert(&file).second;
    if (!is_new && !asked_for) return;
    google::protobuf::FileDescriptorProto encoded;
    file.CopyTo(&encoded);
    response_.mutable_file_descriptor_response()->add_file_descriptor_proto(
        encoded.SerializeAsString());
    for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), false);
  }

  void AnswerExtensions(const std::string& name) {
    const Descriptor* type = pool_->FindMessageTypeByName(name);
    if (type == nullptr) {
      return Refuse(grpc::StatusCode::NOT_FOUND, "reflection: no such message");
    }
    auto& answer = *response_.mutable_all_extension_numbers_response();
    answer.set_base_type_name(name);
    std::vector<const FieldDescriptor*> extensions;
    pool_->FindAllExtensions(type, &extensions);
    for (const FieldDescriptor* extension : extensions) {
      answer.add_extension_number(extension->number());
    }
  }

  void Refuse(grpc::StatusCode code, const char* why) {
    response_.mutable_error_response()->set_error_code(code);
    response_.mutable_error_response()->set_error_message(why);
  }

  const std::vector<std::string>& services_;
  const DescriptorPool* const pool_ = DescriptorPool::generated_pool();
  Request request_;
  typename Version::Response response_;
  std::set<const FileDescriptor*> sent_;
};

}  // namespace

template <class Version>
grpc::ServerBidiReactor<typename Version::Request, typename Version::Response>*
ReflectionService<Version>::ServerReflectionInfo(grpc::CallbackServerContext*) {
  return new Conversation<Version>(services_);
}

template class ReflectionService<ReflectionV1>;
template class ReflectionService<ReflectionV1Alpha>;

}  // namespace synod::rpc
