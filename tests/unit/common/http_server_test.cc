#include "common/metrics/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "common/metrics/exposition.h"

namespace synod {
namespace {

using ::testing::HasSubstr;

const HostPort kAnyPort{"127.0.0.1", 0};

TEST(HttpServerTest, ServesHandlersByPath) {
  const auto server = HttpServer::Start(
      kAnyPort, {{"/health", [](const HttpRequest& request) {
                    const auto exclude = request.query.find("exclude");
                    return HttpResponse{503, "application/json",
                                        exclude == request.query.end() ? "{}" : exclude->second};
                  }}});
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client client("127.0.0.1", (*server)->port());
  const auto health = client.Get("/health?exclude=NOSPACE");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 503);
  EXPECT_EQ(health->get_header_value("Content-Type"), "application/json");
  EXPECT_EQ(health->body, "NOSPACE");
  EXPECT_EQ(client.Get("/nothing")->status, 404);
  EXPECT_EQ(client.Post("/health")->status, 404);
}

TEST(HttpServerTest, ExposesARegistry) {
  auto registry = std::make_shared<prometheus::Registry>();
  prometheus::BuildCounter().Name("synod_puts_total").Register(*registry).Add({}).Increment(3);
  const auto server = HttpServer::Start(kAnyPort, {{"/metrics", MetricsHandler(registry)}});
  ASSERT_TRUE(server.ok()) << server.status();
  const auto page = httplib::Client("127.0.0.1", (*server)->port()).Get("/metrics");
  ASSERT_TRUE(page);
  EXPECT_THAT(page->body, HasSubstr("synod_puts_total 3"));
}

TEST(HttpServerTest, PortInUseIsAnErrorThatNamesIt) {
  const auto first = HttpServer::Start(kAnyPort, {});
  ASSERT_TRUE(first.ok()) << first.status();
  const HostPort taken{"127.0.0.1", (*first)->port()};
  const auto second = HttpServer::Start(taken, {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("cannot listen on " + taken.ToString() + ": Address already in use; stop what uses it"));
}

TEST(HttpServerTest, ServesMoreConnectionsThanThreads) {
  const auto server = HttpServer::Start(
      kAnyPort, {{"/", [](const HttpRequest&) { return HttpResponse{}; }}}, /*threads=*/1);
  ASSERT_TRUE(server.ok()) << server.status();
  httplib::Client kept("127.0.0.1", (*server)->port());
  kept.set_keep_alive(true);
  EXPECT_TRUE(kept.Get("/"));
  EXPECT_TRUE(httplib::Client("127.0.0.1", (*server)->port()).Get("/"))
      << "an idle kept-alive connection holds the only thread";
}

TEST(HttpServerTest, AnswersBesideConnectionsThatSayNothing) {
  const auto server =
      HttpServer::Start(kAnyPort, {{"/livez", [](const HttpRequest&) { return HttpResponse{}; }}});
  ASSERT_TRUE(server.ok()) << server.status();
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons((*server)->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<int> idle;
  for (int i = 0; i < 10; ++i) {
    idle.push_back(socket(AF_INET, SOCK_STREAM, 0));
    ASSERT_EQ(connect(idle.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(write(idle.back(), "GET /li", 7), 7);
  }
  httplib::Client probe("127.0.0.1", (*server)->port());
  probe.set_read_timeout(3);  // less than the half requests would hold two threads for
  EXPECT_TRUE(probe.Get("/livez"));
  for (const int one : idle) close(one);
}

}  // namespace
}  // namespace synod
