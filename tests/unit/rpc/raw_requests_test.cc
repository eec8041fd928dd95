// Requests that no gRPC library sends, as bytes of HTTP/2.
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/support/http2/raw_peer.h"
#include "tests/unit/rpc/served_kv.h"

namespace synod::rpc {
namespace {

class RawRequestsTest : public ::testing::Test {
 protected:
  // "CODE text" of the answer; the text percent-encoded, as it travels.
  std::string Range(const std::string& body, const test::Headers& more = {}) {
    const auto client = test::RawPeer::Connect(served.server->ports().at(0));
    test::Headers headers = {{":method", "POST"},
                             {":scheme", "http"},
                             {":path", "/etcdserverpb.KV/Range"},
                             {":authority", "localhost"},
                             {"content-type", "application/grpc"},
                             {"te", "trailers"}};
    headers.insert(headers.end(), more.begin(), more.end());
    const int32_t id = client->Request(headers, body);
    const test::RawStream& answer = client->stream(id);
    EXPECT_TRUE(test::RunUntil({client.get()}, [&] { return answer.ended || answer.closed; }));
    const bool short_form = !answer.Header("grpc-status").empty();  // headers are the trailers
    const auto trailer = [&](const char* name) {
      return short_form ? answer.Header(name) : answer.Trailer(name);
    };
    return absl::StrCat(trailer("grpc-status"), " ", trailer("grpc-message"));
  }

  static std::string Frame(const std::string& message) {
    return std::string("\0\0\0\0", 4) + static_cast<char>(message.size()) + message;
  }

  ServedNode served;
};

// A range of the key "a".
const std::string& KeyA() {
  static const auto& request = *new std::string(
      "\x0a\x01"
      "a");
  return request;
}

TEST_F(RawRequestsTest, WhatCannotBeParsedIsNotCalledUnserved) {
  EXPECT_EQ(Range(Frame(KeyA())), "0 ");
  const std::string refused = "13 synod: the request cannot be parsed";
  EXPECT_EQ(Range(Frame("\xff\xff\xff")), refused);
  EXPECT_EQ(Range(""), refused) << "no message";
}

TEST_F(RawRequestsTest, TheClientsApiVersionIsText) {
  EXPECT_EQ(Range(Frame(KeyA()), {{"client-api-version", "3.6.\xc3\xa4"}}), "0 ");
  EXPECT_EQ(Range(Frame(KeyA()), {{"client-api-version", "3.6.\xff"}}),
            "3 etcdserver: invalid client api version");
}

}  // namespace
}  // namespace synod::rpc
