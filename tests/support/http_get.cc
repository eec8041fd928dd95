#include "tests/support/http_get.h"

#include <httplib.h>

namespace synod::testing {

HttpAnswer HttpGet(const std::string& address, const std::string& path) {
  httplib::Client client("http://" + address);
  client.set_connection_timeout(2);
  client.set_read_timeout(2);
  const httplib::Result result = client.Get(path);
  if (!result) return {};
  return {result->status, result->body};
}

}  // namespace synod::testing
