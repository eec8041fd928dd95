#include "services/node/http_pages.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/metrics/exposition.h"
#include "common/steady_wait.h"

namespace synod::node {
namespace {

constexpr absl::Duration kReadTimeout = absl::Seconds(1);

// Why a linearizable read is not possible; empty when it is.
std::string WhyNotReadable(Node& node) {
  if (!node.Status().leader) return "NO LEADER";
  // Shared, because the answer may come after we have stopped waiting.
  struct Answer {
    Event come;
    rpc::Failure failure = rpc::Failure::kNone;
  };
  const auto answer = std::make_shared<Answer>();
  node.AwaitReadable(node.Now() + kReadTimeout, [answer](rpc::Failure failure) {
    answer->failure = failure;
    answer->come.Notify();
  });
  // The node keeps the deadline itself; the margin is for its clock's tick.
  if (!answer->come.WaitWithTimeout(2 * kReadTimeout)) return "NOT RESPONDING";
  return answer->failure == rpc::Failure::kNone ? "" : "LINEARIZABLE READ FAILED";
}

// The first alarm that is raised and not excluded (?exclude=NOSPACE), in etcd's words; or empty.
std::string AlarmRaised(const Node& node, const HttpRequest& request) {
  const auto [begin, end] = request.query.equal_range("exclude");
  for (const kv::Alarm& alarm : node.View()->Alarms(kv::AlarmType::kNone).response.alarms) {
    const std::string kind = alarm.type == kv::AlarmType::kNoSpace ? "NOSPACE" : "CORRUPT";
    const bool excluded =
        std::any_of(begin, end, [&](const auto& parameter) { return parameter.second == kind; });
    if (!excluded) return "ALARM " + kind;
  }
  return "";
}

HttpResponse Health(Node& node, const HttpRequest& request) {
  const auto serializable = request.query.find("serializable");
  const bool local = serializable != request.query.end() && serializable->second == "true";
  std::string reason = AlarmRaised(node, request);
  if (reason.empty() && !local) reason = WhyNotReadable(node);
  return {reason.empty() ? 200 : 503, "application/json",
          absl::StrCat("{\"health\":\"", reason.empty() ? "true" : "false", "\",\"reason\":\"",
                       reason, "\"}")};
}

HttpResponse Live(Node& node) {
  node.View();
  return {200, "text/plain; charset=utf-8", "ok\n"};
}

HttpResponse Ready(Node& node) {
  const std::string reason = WhyNotReadable(node);
  if (reason.empty()) return {200, "text/plain; charset=utf-8", "ok\n"};
  return {503, "text/plain; charset=utf-8", absl::StrCat("[-]linearizable_read: ", reason, "\n")};
}

}  // namespace

std::map<std::string, HttpHandler> NodePages(Node* node) {
  return {
      {"/metrics",
       [node](const HttpRequest& request) { return MetricsHandler(node->metrics())(request); }},
      {"/health", [node](const HttpRequest& request) { return Health(*node, request); }},
      {"/livez", [node](const HttpRequest&) { return Live(*node); }},
      {"/readyz", [node](const HttpRequest&) { return Ready(*node); }},
  };
}

}  // namespace synod::node
