#include "services/node/options.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace synod::node {
namespace {

// The flags as text and numbers, before they are looked at together.
struct RawOptions {
  std::string name = "default";
  std::string data_dir;
  std::string listen_client_urls = "http://localhost:2379";
  std::string advertise_client_urls;
  std::string listen_peer_urls = "http://localhost:2380";
  std::string initial_advertise_peer_urls;
  std::string listen_metrics_urls;
  std::string initial_cluster;
  std::string initial_cluster_state = "new";
  std::string initial_cluster_token = "etcd-cluster";
  absl::Duration heartbeat_interval = absl::Milliseconds(100);
  absl::Duration election_timeout = absl::Seconds(1);
  int64_t snapshot_count = 100'000;
  int64_t max_log_bytes = 1 << 30;
  int64_t quota_backend_bytes = 0;
  int64_t disk_reserve_bytes = 512 << 20;
  absl::Duration corrupt_check_time = NodeOptions().corrupt_check_time;
  int max_txn_ops = 128;
  int64_t max_request_bytes = 1'572'864;
  std::string log_level = "info";
  std::string log_format = "text";
};

// Flags of etcd's that mean something this version does not do yet.
struct NotServed {
  std::string name;
  std::string what;
  std::string value;  // given by the user
};

std::vector<NotServed> NotServedFlags() {
  return {
      {"auto-compaction-mode", "Compaction by the node itself", ""},
      {"auto-compaction-retention", "Compaction by the node itself", ""},
      {"cert-file", "TLS for clients", ""},
      {"key-file", "TLS for clients", ""},
      {"client-cert-auth", "TLS for clients", ""},
      {"trusted-ca-file", "TLS for clients", ""},
      {"peer-cert-file", "TLS between nodes", ""},
      {"peer-key-file", "TLS between nodes", ""},
      {"peer-client-cert-auth", "TLS between nodes", ""},
      {"peer-trusted-ca-file", "TLS between nodes", ""},
      {"auth-token", "Authentication", ""},
  };
}

void Define(Flags& flags, RawOptions& raw, std::vector<NotServed>& not_served) {
  flags.Add("name", &raw.name, "Human-readable name of this member");
  flags.Add("data-dir", &raw.data_dir, "Directory of log and state (default: <name>.synod)");
  flags.Add("listen-client-urls", &raw.listen_client_urls, "URLs to serve clients on");
  flags.Add("advertise-client-urls", &raw.advertise_client_urls,
            "URLs at which clients reach this member (default: the listen URLs)");
  flags.Add("listen-peer-urls", &raw.listen_peer_urls, "URL to hear the other members on");
  flags.Add("initial-advertise-peer-urls", &raw.initial_advertise_peer_urls,
            "URLs at which the other members reach this one (default: the listen URL)");
  flags.Add("listen-metrics-urls", &raw.listen_metrics_urls,
            "URLs to serve /metrics, /health, /livez and /readyz on (default: none)");
  flags.Add("initial-cluster", &raw.initial_cluster,
            "All members, name=url,name=url (default: this one alone)");
  flags.AddChoice(
      "initial-cluster-state", &raw.initial_cluster_state, {"new", "existing"},
      "\"existing\" joins a running cluster, or goes on with what the data directory holds");
  flags.Add("initial-cluster-token", &raw.initial_cluster_token,
            "Tells clusters with equal URLs apart");
  flags.Add("heartbeat-interval", &raw.heartbeat_interval, "Between a leader's signs of life");
  flags.Add("election-timeout", &raw.election_timeout, "Longest wait of a follower for its leader");
  flags.Add("snapshot-count", &raw.snapshot_count,
            "Applied slots after which the state is made durable and the log may be cut");
  flags.Add("quota-backend-bytes", &raw.quota_backend_bytes,
            "Size of the database at which writes are stopped (NOSPACE); 0 or less: no limit");
  flags.Add("disk-reserve-bytes", &raw.disk_reserve_bytes,
            "Free space of the data directory's disk below which writes are stopped; 0: never");
  flags.Add("max-log-bytes", &raw.max_log_bytes,
            "Size of the log beyond which absent members get a snapshot instead of it");
  flags.Add("corrupt-check-time", &raw.corrupt_check_time,
            "Between two comparisons of what the members hold (CORRUPT); 0: never");
  flags.Add("max-txn-ops", &raw.max_txn_ops, "Operations allowed in a transaction");
  flags.Add("max-request-bytes", &raw.max_request_bytes, "Size allowed for a client's request");
  flags.AddChoice("log-level", &raw.log_level, {"debug", "info", "warn", "error"},
                  "Least level that is logged");
  flags.AddChoice("log-format", &raw.log_format, {"text", "json"}, "Form of log lines");
  for (NotServed& flag : not_served) {
    flags.Add(flag.name, &flag.value, "Not served by this version");
  }
}

absl::Status FlagError(absl::string_view flag, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", problem));
}

absl::StatusOr<std::vector<Url>> PlainUrls(absl::string_view flag, absl::string_view text) {
  auto urls = ParseUrlList(text);
  if (!urls.ok()) return FlagError(flag, urls.status().message());
  for (const Url& url : *urls) {
    if (url.scheme != "http") {
      return FlagError(
          flag, absl::StrCat(url.ToString(), ": TLS is not served by this version; use http"));
    }
  }
  return urls;
}

std::string UrlsText(const std::vector<Url>& urls) {
  return absl::StrJoin(urls, ",", [](std::string* out, const Url& url) { *out += url.ToString(); });
}

absl::Status ReadUrls(const RawOptions& raw, NodeOptions& options) {
  auto clients = PlainUrls("listen-client-urls", raw.listen_client_urls);
  if (!clients.ok()) return clients.status();
  options.listen_client_urls = *std::move(clients);
  options.advertise_client_urls = options.listen_client_urls;
  if (!raw.advertise_client_urls.empty()) {
    auto advertised = PlainUrls("advertise-client-urls", raw.advertise_client_urls);
    if (!advertised.ok()) return advertised.status();
    options.advertise_client_urls = *std::move(advertised);
  }
  auto peers = PlainUrls("listen-peer-urls", raw.listen_peer_urls);
  if (!peers.ok()) return peers.status();
  if (peers->size() != 1) return FlagError("listen-peer-urls", "give exactly one URL");
  options.listen_peer_url = peers->front();
  if (!raw.listen_metrics_urls.empty()) {
    auto metrics = PlainUrls("listen-metrics-urls", raw.listen_metrics_urls);
    if (!metrics.ok()) return metrics.status();
    options.listen_metrics_urls = *std::move(metrics);
  }
  std::vector<Listener> listeners;
  for (const Url& url : options.listen_client_urls) {
    listeners.push_back({"listen-client-urls", url.address});
  }
  listeners.push_back({"listen-peer-urls", options.listen_peer_url.address});
  for (const Url& url : options.listen_metrics_urls) {
    listeners.push_back({"listen-metrics-urls", url.address});
  }
  return CheckApart(listeners);
}

absl::Status ReadCluster(const RawOptions& raw, NodeOptions& options) {
  auto own = PlainUrls("initial-advertise-peer-urls", raw.initial_advertise_peer_urls.empty()
                                                          ? raw.listen_peer_urls
                                                          : raw.initial_advertise_peer_urls);
  if (!own.ok()) return own.status();
  if (raw.initial_cluster.empty()) {
    options.initial_cluster = {{raw.name, *std::move(own)}};
    return absl::OkStatus();
  }
  auto members = ParseCluster(raw.initial_cluster);
  if (!members.ok()) return FlagError("initial-cluster", members.status().message());
  for (const ClusterMember& member : *members) {
    const auto urls = PlainUrls("initial-cluster", UrlsText(member.peer_urls));
    if (!urls.ok()) return urls.status();
  }
  const auto self =
      std::find_if(members->begin(), members->end(),
                   [&](const ClusterMember& member) { return member.name == raw.name; });
  if (self == members->end()) {
    return FlagError("initial-cluster",
                     absl::StrCat("does not name this member, --name=", raw.name));
  }
  if (!raw.initial_advertise_peer_urls.empty() &&
      !std::is_permutation(own->begin(), own->end(), self->peer_urls.begin(),
                           self->peer_urls.end())) {
    return FlagError("initial-cluster",
                     absl::StrCat("gives ", raw.name, " the URLs ", UrlsText(self->peer_urls),
                                  ", but --initial-advertise-peer-urls is ", UrlsText(*own)));
  }
  options.initial_cluster = *std::move(members);
  return absl::OkStatus();
}

absl::Status ReadNumbers(const RawOptions& raw, NodeOptions& options) {
  options.heartbeat_interval = raw.heartbeat_interval;
  options.election_timeout = raw.election_timeout;
  options.corrupt_check_time = raw.corrupt_check_time;
  if (raw.heartbeat_interval < absl::Milliseconds(1)) {
    return FlagError("heartbeat-interval", "must be at least 1ms");
  }
  // etcd's own rule and bound.
  if (raw.election_timeout < 5 * raw.heartbeat_interval) {
    return FlagError("election-timeout",
                     absl::StrCat("must be at least five times --heartbeat-interval, ",
                                  absl::FormatDuration(5 * raw.heartbeat_interval)));
  }
  if (raw.election_timeout > absl::Seconds(50)) {
    return FlagError("election-timeout", "must be at most 50s");
  }
  if (raw.snapshot_count < 1) return FlagError("snapshot-count", "must be at least 1");
  options.snapshot_count = static_cast<uint64_t>(raw.snapshot_count);
  options.quota_backend_bytes =
      static_cast<uint64_t>(std::max<int64_t>(0, raw.quota_backend_bytes));
  if (raw.disk_reserve_bytes < 0) {
    return FlagError("disk-reserve-bytes", "must not be negative");
  }
  options.disk_reserve_bytes = static_cast<uint64_t>(raw.disk_reserve_bytes);
  // Two segments of the log are the least that can be cut.
  constexpr int64_t kLeastLogBytes = 128 << 20;
  if (raw.max_log_bytes < kLeastLogBytes) {
    return FlagError("max-log-bytes", absl::StrCat("must be at least ", kLeastLogBytes));
  }
  options.max_log_bytes = static_cast<uint64_t>(raw.max_log_bytes);
  if (raw.max_txn_ops < 1) return FlagError("max-txn-ops", "must be at least 1");
  options.max_txn_ops = raw.max_txn_ops;
  // A request travels in one slot, and the log and the peers bound what a slot may hold.
  constexpr int64_t kMostRequestBytes = 10 << 20;
  if (raw.max_request_bytes < 1 || raw.max_request_bytes > kMostRequestBytes) {
    return FlagError("max-request-bytes", absl::StrCat("must be from 1 to ", kMostRequestBytes));
  }
  options.max_request_bytes = static_cast<size_t>(raw.max_request_bytes);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ParsedOptions> ParseNodeOptions(
    int argc, const char* const* argv, const std::map<std::string, std::string>& environment) {
  RawOptions raw;
  std::vector<NotServed> not_served = NotServedFlags();
  Flags flags("synod-node", "SYNOD_NODE",
              "One replica of a Synod cluster: Multi-Paxos, storage, the etcd v3 API.");
  Define(flags, raw, not_served);
  const auto outcome = flags.Parse(argc, argv, environment);
  if (!outcome.ok()) return outcome.status();
  ParsedOptions parsed;
  parsed.outcome = *outcome;
  if (parsed.outcome == FlagsOutcome::kExit) return parsed;

  for (const NotServed& flag : not_served) {
    if (!flag.value.empty()) {
      return FlagError(flag.name, absl::StrCat(flag.what,
                                               " is not served by this version; "
                                               "leave the flag out"));
    }
  }
  NodeOptions& options = parsed.options;
  if (raw.name.empty()) return FlagError("name", "must not be empty");
  options.name = raw.name;
  options.data_dir = raw.data_dir.empty() ? raw.name + ".synod" : raw.data_dir;
  options.initial_cluster_token = raw.initial_cluster_token;
  options.join_existing = raw.initial_cluster_state == "existing";
  options.log.level = *ParseLogLevel(raw.log_level);
  options.log.format = raw.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  for (const auto& read : {ReadUrls, ReadCluster, ReadNumbers}) {
    if (auto status = read(raw, options); !status.ok()) return status;
  }
  return parsed;
}

}  // namespace synod::node
