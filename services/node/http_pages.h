// What a node answers over HTTP: /metrics, and etcd's /health, /livez and /readyz.
#ifndef SYNOD_SERVICES_NODE_HTTP_PAGES_H_
#define SYNOD_SERVICES_NODE_HTTP_PAGES_H_

#include <map>
#include <string>

#include "common/metrics/http_server.h"
#include "services/node/node.h"

namespace synod::node {

// - /health: {"health":"true","reason":""}, or "false", why, and status 503. Healthy is a node that
//   knows a leader and can serve a linearizable read within a second; with ?serializable=true, one
//   that can serve a local read.
// - /livez: can serve a local read; restart what is not live.
// - /readyz: as /health; send no clients to what is not ready.
//
// The node outlives the handlers.
std::map<std::string, HttpHandler> NodePages(Node* node);

}  // namespace synod::node

#endif  // SYNOD_SERVICES_NODE_HTTP_PAGES_H_
