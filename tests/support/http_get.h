// One HTTP GET, for metrics, health and state pages.
#ifndef SYNOD_TESTS_SUPPORT_HTTP_GET_H_
#define SYNOD_TESTS_SUPPORT_HTTP_GET_H_

#include <string>

namespace synod::testing {

struct HttpAnswer {
  // 0 when nobody answered within two seconds.
  int status = 0;
  std::string body;
};

// HttpGet("127.0.0.1:2381", "/readyz")
HttpAnswer HttpGet(const std::string& address, const std::string& path);

}  // namespace synod::testing

#endif  // SYNOD_TESTS_SUPPORT_HTTP_GET_H_
