#include "balancer/control/status_pages.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "balancer/control/metrics.h"
#include "balancer/control/status_page.h"
#include "common/metrics/exposition.h"

namespace synod::balancer {
namespace {

HttpResponse Ready(const View& view, bool draining) {
  if (draining) return {.status = 503, .body = "draining: the balancer is about to stop\n"};
  const auto ready =
      std::count_if(view.backends.begin(), view.backends.end(), [](const Backend& backend) {
        return backend.role == BackendRole::kVoter && backend.state == BackendState::kReady;
      });
  if (ready > 0)
    return {.body =
                absl::StrCat("ok: ", ready, ready == 1 ? " backend ready\n" : " backends ready\n")};
  HttpResponse response{.status = 503, .body = "no backend is ready\n"};
  for (const Backend& backend : view.backends) {
    absl::StrAppend(&response.body, backend.name, " ", BackendStateName(backend.state), ": ",
                    backend.reason, "\n");
  }
  return response;
}

}  // namespace

std::map<std::string, HttpHandler> StatusPages(StateSource source, std::function<bool()> draining,
                                               const Clock* clock) {
  std::map<std::string, HttpHandler> pages;
  pages["/"] = [](const HttpRequest&) {
    return HttpResponse{.content_type = "text/html; charset=utf-8",
                        .body = std::string(StatusPageHtml())};
  };
  pages["/state"] = [source, clock](const HttpRequest&) {
    return HttpResponse{.content_type = "application/json",
                        .body = StateJson(*source.view(), source.counters(), clock->Monotonic())};
  };
  pages["/metrics"] = MetricsHandler(MakeMetrics(source, clock));
  pages["/healthz"] = [](const HttpRequest&) { return HttpResponse{.body = "ok\n"}; };
  pages["/readyz"] = [source, draining = std::move(draining)](const HttpRequest&) {
    return Ready(*source.view(), draining());
  };
  return pages;
}

}  // namespace synod::balancer
