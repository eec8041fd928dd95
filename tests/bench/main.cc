// synod-bench: load on an etcd v3 KV service, with honest percentiles.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/config/flags.h"
#include "tests/bench/load.h"

namespace synod::bench {
namespace {

struct Settings {
  LoadOptions load;
  std::string endpoints = "127.0.0.1:2379";
  std::string operation = "put";
  std::string format = "text";
  int rate = 0;
  int read_percent = 90;
};

double Milliseconds(absl::Duration duration) {
  return absl::ToDoubleMilliseconds(duration);
}

void PrintText(const LoadResult& result) {
  const Histogram& latency = result.latency;
  std::printf("calls/s   %.0f\n", result.CallsPerSecond());
  std::printf("calls     %llu\n", static_cast<unsigned long long>(latency.count()));
  std::printf("latency   mean %.3f  p50 %.3f  p90 %.3f  p99 %.3f  p99.9 %.3f  max %.3f ms\n",
              Milliseconds(latency.Mean()), Milliseconds(latency.Percentile(0.5)),
              Milliseconds(latency.Percentile(0.9)), Milliseconds(latency.Percentile(0.99)),
              Milliseconds(latency.Percentile(0.999)), Milliseconds(latency.Max()));
  if (result.not_started > 0) {
    std::printf(
        "behind    %llu calls were due and never started: more --connections or a lower "
        "--rate\n",
        static_cast<unsigned long long>(result.not_started));
  }
  for (const auto& [text, count] : result.failures) {
    std::printf("failed    %llu x %s\n", static_cast<unsigned long long>(count), text.c_str());
  }
}

void PrintJson(const LoadResult& result) {
  const Histogram& latency = result.latency;
  std::cout << nlohmann::json{{"calls_per_second", result.CallsPerSecond()},
                              {"calls", latency.count()},
                              {"mean_ms", Milliseconds(latency.Mean())},
                              {"p50_ms", Milliseconds(latency.Percentile(0.5))},
                              {"p90_ms", Milliseconds(latency.Percentile(0.9))},
                              {"p99_ms", Milliseconds(latency.Percentile(0.99))},
                              {"p999_ms", Milliseconds(latency.Percentile(0.999))},
                              {"max_ms", Milliseconds(latency.Max())},
                              {"not_started", result.not_started},
                              {"failures", result.failures}}
                   .dump()
            << "\n";
}

absl::Status Complete(Settings& settings) {
  LoadOptions& load = settings.load;
  load.endpoints = absl::StrSplit(settings.endpoints, ',', absl::SkipEmpty());
  load.rate = settings.rate;
  load.read_share = settings.read_percent / 100.0;
  if (settings.operation == "get") load.operation = Operation::kGet;
  if (settings.operation == "serializable-get") load.operation = Operation::kSerializableGet;
  if (settings.operation == "mixed") load.operation = Operation::kMixed;
  if (load.endpoints.empty()) return absl::InvalidArgumentError("--endpoints names nobody");
  if (load.connections < 1 || load.in_flight < 1 || load.threads < 1 || load.keys < 1 ||
      load.value_bytes < 0 || settings.rate < 0 || load.duration <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError(
        "--connections, --in-flight, --threads, --keys and --duration must be at least 1, "
        "--value-bytes and --rate at least 0");
  }
  if (load.threads > load.connections) load.threads = load.connections;
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  Settings settings;
  LoadOptions& load = settings.load;
  Flags flags("synod-bench", "SYNOD_BENCH", "Puts load on an etcd v3 KV service and measures it.");
  flags.Add("endpoints", &settings.endpoints, "host:port,... ; connections go round them");
  flags.AddChoice("operation", &settings.operation, {"put", "get", "serializable-get", "mixed"},
                  "What to call");
  flags.Add("read-percent", &settings.read_percent, "Share of linearizable gets in mixed");
  flags.Add("connections", &load.connections, "HTTP/2 connections in all");
  flags.Add("in-flight", &load.in_flight, "Calls in flight per connection");
  flags.Add("threads", &load.threads, "Client threads");
  flags.Add("rate", &settings.rate,
            "Calls per second, due whether or not the server keeps up; 0: closed loop");
  flags.Add("warmup", &load.warmup, "Not measured");
  flags.Add("duration", &load.duration, "Measured");
  flags.Add("keys", &load.keys, "Distinct keys, drawn evenly");
  flags.Add("value-bytes", &load.value_bytes, "Size of each value");
  flags.AddChoice("format", &settings.format, {"text", "json"}, "Of the result");

  const auto outcome = flags.Parse(argc, argv, ProcessEnvironment());
  absl::Status status = outcome.status();
  if (status.ok() && *outcome == FlagsOutcome::kExit) return 0;
  if (status.ok()) status = Complete(settings);
  if (!status.ok()) {
    std::cerr << "synod-bench: " << status.message() << "\n";
    return 1;
  }
  if (*outcome == FlagsOutcome::kCheckConfig) {
    std::cout << "OK\n";
    return 0;
  }
  const absl::StatusOr<LoadResult> result = RunLoad(load);
  if (!result.ok()) {
    std::cerr << "synod-bench: " << result.status().message() << "\n";
    return 1;
  }
  settings.format == "json" ? PrintJson(*result) : PrintText(*result);
  // A figure with failures in it is not the figure that was asked for.
  return result->failures.empty() ? 0 : 2;
}

}  // namespace
}  // namespace synod::bench

int main(int argc, char** argv) {
  return synod::bench::Main(argc, argv);
}
