#include "balancer/options.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "balancer/policies/policy.h"

namespace synod::balancer {
namespace {

constexpr int kMaxThreads = 256;

absl::Status Named(absl::string_view flag, const absl::Status& status) {
  return {status.code(), absl::StrCat("--", flag, ": ", status.message())};
}

// Assigns the parsed value, or keeps the first error with the flag's name.
template <class T>
void Take(absl::string_view flag, absl::StatusOr<T> parsed, T& target, absl::Status& status) {
  if (parsed.ok()) {
    target = *std::move(parsed);
  } else if (status.ok()) {
    status = Named(flag, parsed.status());
  }
}

}  // namespace

void AddFlags(Flags& flags, FlagValues* values) {
  flags.Add("listen", &values->listen, "Front door, host:port");
  flags.Add(
      "backends", &values->backends,
      "host:port,host:port or dns:///name:port; the cluster's members are followed from these");
  flags.AddChoice("policy", &values->policy, PolicyNames(), "How calls are spread");
  flags.Add("weights", &values->weights,
            "n1=5,n2=3: static weights by node name or address, for weighted and least_request");
  flags.AddChoice("write-routing", &values->write_routing, {"leader", "policy"},
                  "Where mutations go");
  flags.Add("generic", &values->generic,
            "In front of any gRPC service: no cluster to follow, every call routed by the policy");
  flags.Add("admin-listen", &values->admin_listen,
            "HTTP: status page, /metrics, /healthz, /readyz, /state");
  flags.Add("admin-grpc-listen", &values->admin_grpc_listen, "gRPC: synod.balancer.v1.Admin");
  flags.Add("threads", &values->threads, "Data-plane workers; 0: one per core");
  flags.Add("drain-timeout", &values->drain_timeout,
            "How long calls under way may take after SIGTERM");
  flags.AddChoice("log-level", &values->log_level, {"debug", "info", "warn", "error"},
                  "Least level that is logged");
  flags.AddChoice("log-format", &values->log_format, {"text", "json"}, "Form of the log's lines");
}

absl::StatusOr<Options> CheckFlags(const FlagValues& values) {
  Options options;
  absl::Status status;
  if (values.backends.empty()) {
    return absl::InvalidArgumentError(
        "--backends is needed: host:port,host:port or dns:///name:port");
  }
  HostPort listen;
  Take("listen", ParseHostPort(values.listen), listen, status);
  Take("admin-listen", ParseHostPort(values.admin_listen), options.admin_listen, status);
  Take("admin-grpc-listen", ParseHostPort(values.admin_grpc_listen), options.admin_grpc_listen,
       status);
  Take("backends", ParseSeeds(values.backends), options.seeds, status);
  Take("weights", ParseWeights(values.weights), options.settings.weights, status);
  Take("write-routing", ParseWriteRouting(values.write_routing), options.settings.write_routing,
       status);
  if (!status.ok()) return status;
  status = CheckApart({{"listen", listen},
                       {"admin-listen", options.admin_listen},
                       {"admin-grpc-listen", options.admin_grpc_listen}});
  if (!status.ok()) return status;

  options.settings.policy = values.policy;
  if (status = CheckSettings(options.settings); !status.ok()) return status;
  if (values.generic && !options.seeds.dns) {
    status = CheckWeightNames(options.settings.weights, options.seeds.addresses);
    if (!status.ok()) return Named("weights", status);
  }
  if (values.threads < 0 || values.threads > kMaxThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat("--threads: ", values.threads, " is not from 0 to ", kMaxThreads));
  }
  if (values.drain_timeout < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("--drain-timeout: must not be negative");
  }
  options.generic = values.generic;
  options.proxy.listen = listen.ToString();
  options.proxy.threads =
      values.threads > 0 ? values.threads
                         : std::clamp<int>(std::thread::hardware_concurrency(), 1, kMaxThreads);
  options.proxy.drain_timeout = values.drain_timeout;
  options.log.level = ParseLogLevel(values.log_level).value_or(LogLevel::kInfo);
  options.log.format = values.log_format == "json" ? LogFormat::kJson : LogFormat::kText;
  return options;
}

}  // namespace synod::balancer
