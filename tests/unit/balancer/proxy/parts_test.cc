// The pieces of the proxy that need no connection.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "balancer/proxy/byte_queue.h"
#include "balancer/proxy/event_loop.h"
#include "balancer/proxy/grpc_text.h"
#include "balancer/proxy/header_list.h"
#include "balancer/proxy/judge.h"
#include "balancer/proxy/socket.h"
#include "balancer/proxy/token_bucket.h"
#include "common/random.h"

namespace synod::balancer {
namespace {

std::string TextOf(const ByteQueue& queue) {
  std::vector<iovec> pieces(1000);
  const int count = queue.Peek(pieces.data(), static_cast<int>(pieces.size()));
  std::string text;
  for (int i = 0; i < count; ++i) {
    text.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  }
  return text;
}

TEST(ByteQueueTest, AgreesWithAString) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    ByteQueue a;
    ByteQueue b;
    std::string a_text;
    std::string b_text;
    for (int step = 0; step < 500; ++step) {
      const size_t n = random.Below(a_text.size() + 1);
      switch (random.Below(4)) {
        case 0: {
          const std::string bytes(random.Below(random.Chance(0.2) ? 40'000 : 100),
                                  static_cast<char>('a' + step % 26));
          a.Append(bytes);
          a_text += bytes;
          break;
        }
        case 1:
          a.Consume(n);
          a_text.erase(0, n);
          break;
        case 2:
          b.MoveFrom(a, n);
          b_text += a_text.substr(0, n);
          a_text.erase(0, n);
          break;
        default:
          if (b_text.size() > 200'000) {
            b.Clear();
            b_text.clear();
          }
          b.CopyFrom(a, n, a_text.size() - n);
          b_text += a_text.substr(n);
          break;
      }
      ASSERT_EQ(a.size(), a_text.size());
      ASSERT_EQ(b.size(), b_text.size());
    }
    EXPECT_EQ(TextOf(a), a_text) << "seed " << seed;
    EXPECT_EQ(TextOf(b), b_text) << "seed " << seed;
  }
}

TEST(GrpcTimeoutTest, ParsesTheSixUnitsAndNothingElse) {
  EXPECT_EQ(ParseGrpcTimeout("1H"), absl::Hours(1));
  EXPECT_EQ(ParseGrpcTimeout("2M"), absl::Minutes(2));
  EXPECT_EQ(ParseGrpcTimeout("99999999S"), absl::Seconds(99'999'999));
  EXPECT_EQ(ParseGrpcTimeout("4m"), absl::Milliseconds(4));
  EXPECT_EQ(ParseGrpcTimeout("5u"), absl::Microseconds(5));
  EXPECT_EQ(ParseGrpcTimeout("6n"), absl::Nanoseconds(6));
  for (const char* bad : {"", "S", "1", "1s", "-1S", "100000000S", "1 S", "1.5S"}) {
    EXPECT_EQ(ParseGrpcTimeout(bad), std::nullopt) << bad;
  }
}

TEST(GrpcTimeoutTest, FormatsTheFinestUnitThatFits) {
  EXPECT_EQ(FormatGrpcTimeout(absl::Nanoseconds(99'999'999)), "99999999n");
  EXPECT_EQ(FormatGrpcTimeout(absl::Nanoseconds(100'000'000)), "100000u");
  EXPECT_EQ(FormatGrpcTimeout(absl::Seconds(5)), "5000000u");
  EXPECT_EQ(FormatGrpcTimeout(absl::Hours(1)), "3600000m");
  EXPECT_EQ(FormatGrpcTimeout(-absl::Seconds(1)), "1n");
  EXPECT_EQ(FormatGrpcTimeout(absl::InfiniteDuration()), "99999999H");
}

TEST(PercentEncodeTest, KeepsPrintableAsciiBytes) {
  EXPECT_EQ(PercentEncode("plain text, even: ~"), "plain text, even: ~");
  EXPECT_EQ(PercentEncode("50%\n\xc3\xa9"), "50%25%0A%C3%A9");
}

TEST(GrpcContentTypeTest, AcceptsTheFamilyOnly) {
  for (const char* yes : {"application/grpc", "application/grpc+proto", "application/grpc;v=1"}) {
    EXPECT_TRUE(IsGrpcContentType(yes)) << yes;
  }
  for (const char* no : {"", "application/grpcx", "application/json", "application/grpc-web"}) {
    EXPECT_FALSE(IsGrpcContentType(no)) << no;
  }
}

TEST(JudgeTest, BlamesNoNodeForItsClusterOrItsClient) {
  struct Case {
    const char* status;
    const char* message;
    CallResult of_node;
    CallResult of_stranger;  // without synod-member
  };
  using enum CallResult;
  const Case cases[] = {
      {"0", "", kAnswered, kAnswered},
      {"5", "etcdserver: member not found", kAnswered, kAnswered},
      {"13", "etcdserver: no leader", kFailed, kFailed},
      {"13", "synod: the request cannot be parsed", kCancelled, kCancelled},
      {"x", "etcdserver: no leader", kFailed, kFailed},
      {"14", "etcdserver: no leader", kCancelled, kFailed},
      {"14", "etcdserver: request timed out", kCancelled, kFailed},
      {"14", "etcdserver: request timed out, possibly due to previous leader failure", kCancelled,
       kFailed},
      {"14", "etcdserver: request timed out, possibly due to connection lost", kFailed, kFailed},
      {"14", "etcdserver: request timed out, waiting for the applied index took too long", kFailed,
       kFailed},
      {"14", "etcdserver: server stopped", kFailed, kFailed},
      {"14", "synod: revision 9, asked for in synod-min-revision, does not exist yet", kCancelled,
       kFailed},
      {"14", "connection reset", kFailed, kFailed},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    HeaderList last;
    last.Add("grpc-status", c.status);
    last.Add("grpc-message", c.message);
    EXPECT_EQ(Judge(last, false), c.of_stranger);
    last.Add("synod-member", "n1");
    EXPECT_EQ(Judge(last, false), c.of_node);
  }
  EXPECT_EQ(Judge(HeaderList(), false), kAnswered);
  EXPECT_EQ(Judge(HeaderList(), true), kFailed);
}

TEST(HeaderListTest, KeepsOrderAndReplacesTheFirst) {
  HeaderList headers;
  headers.Add("a", "1");
  headers.Add("b", "");
  headers.Add("a", "2", /*never_index=*/true);
  headers.Set("a", "a longer value");
  EXPECT_EQ(headers.Get("a"), "a longer value");
  EXPECT_EQ(headers.Get("b"), "");
  EXPECT_EQ(headers.Get("c").data(), nullptr);
  const auto nv = headers.ToNv();
  ASSERT_EQ(nv.size(), 3u);
  EXPECT_EQ(absl::string_view(reinterpret_cast<const char*>(nv[2].value), nv[2].valuelen), "2");
  EXPECT_EQ(nv[2].flags, NGHTTP2_NV_FLAG_NO_INDEX);
}

TEST(TokenBucketTest, AllowsTheBurstThenTheRate) {
  TokenBucket bucket(10, 2, absl::Seconds(100));
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.Take(absl::Seconds(100)));
  EXPECT_FALSE(bucket.Take(absl::Seconds(100)));
  EXPECT_TRUE(bucket.Take(absl::Seconds(101)));
  EXPECT_TRUE(bucket.Take(absl::Seconds(101)));
  EXPECT_FALSE(bucket.Take(absl::Seconds(101)));
  bucket.Earn(1);
  EXPECT_TRUE(bucket.Take(absl::Seconds(101)));
}

TEST(EventLoopTest, RunsTimersInOrderAndTasksOfOtherThreads) {
  const SystemClock clock;
  EventLoop loop(&clock);
  std::vector<int> order;
  loop.AddTimer(absl::Milliseconds(20), [&] { order.push_back(2); });
  loop.AddTimer(absl::Milliseconds(10), [&] { order.push_back(1); });
  loop.CancelTimer(loop.AddTimer(absl::Milliseconds(1), [&] { order.push_back(0); }));
  loop.AddTimer(absl::Milliseconds(30), [&] { loop.Stop(); });
  std::thread other([&] { loop.Post([&] { order.insert(order.begin(), 9); }); });
  loop.Run();
  other.join();
  EXPECT_EQ(order, (std::vector<int>{9, 1, 2}));
}

TEST(SocketTest, ParsesAddresses) {
  EXPECT_TRUE(ResolveAddress("127.0.0.1:80", /*numeric_only=*/true).ok());
  EXPECT_TRUE(ResolveAddress("[::1]:80", /*numeric_only=*/true).ok());
  EXPECT_FALSE(ResolveAddress("localhost:80", /*numeric_only=*/true).ok());
  EXPECT_TRUE(ResolveAddress("localhost:80", /*numeric_only=*/false).ok());
  for (const char* bad : {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536"}) {
    EXPECT_EQ(ResolveAddress(bad, /*numeric_only=*/false).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

}  // namespace
}  // namespace synod::balancer
