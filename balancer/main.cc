// synod-balancer: the front door. Parses the flags, starts the control plane, the data plane and
// the admin listeners, then waits for signals.
//
// SIGTERM, SIGINT: health turns NOT_SERVING, the data plane drains, exit 0; a second one exits now,
// and so does the first while the start still waits for the nodes.
// SIGHUP: policy, weights and write-routing are read again from the configuration file, save those
// that a flag or the environment gave; a file with an error changes nothing.
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "balancer/control/admin_server.h"
#include "balancer/control/control.h"
#include "balancer/control/quiet_grpc.h"
#include "balancer/control/status_pages.h"
#include "balancer/options.h"
#include "balancer/proxy/proxy.h"
#include "common/clock.h"
#include "common/config/flags.h"
#include "common/log/log.h"
#include "common/metrics/http_server.h"

namespace synod::balancer {
namespace {

// How long a start waits for the nodes' names, to check the weights, and for a first ready backend,
// so that clients which reconnect to a restarted balancer are not refused at once.
constexpr absl::Duration kNamesTimeout = absl::Seconds(5);
constexpr absl::Duration kReadyTimeout = absl::Seconds(2);

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "synod-balancer: %s\n", std::string(status.message()).c_str());
  return EXIT_FAILURE;
}

// Does `work` on a thread of its own; a SIGTERM or SIGINT meanwhile ends the program with `code`.
void DoUnlessStopped(int code, const std::function<void()>& work) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  std::atomic<bool> done{false};
  std::thread worker([&] {
    work();
    done = true;
  });
  while (!done) {
    const timespec moment{.tv_sec = 0, .tv_nsec = 20'000'000};
    if (sigtimedwait(&signals, nullptr, &moment) > 0) std::_Exit(code);
  }
  worker.join();
}

// The running balancer. Members are destroyed from the last to the first.
class Balancer {
 public:
  Balancer(Options options, const Flags* flags)
      : options_(std::move(options)),
        flags_(flags),
        file_at_start_(flags->ReloadFile().value_or(std::map<std::string, std::string>())) {}

  absl::Status Start() {
    StartControl();
    absl::Status names;
    // Nothing is served yet, so there is nothing to drain.
    DoUnlessStopped(EXIT_SUCCESS, [&] { names = AwaitNodes(); });
    return names.ok() ? StartServing() : names;
  }

  // Until a signal ends it.
  void Run() {
    for (;;) {
      switch (Wait()) {
        case SIGHUP:
          Reload();
          break;
        case SIGTERM:
        case SIGINT:
          return;
      }
    }
  }

  void Drain() {
    log_.Info("draining").With("timeout", options_.proxy.drain_timeout);
    draining_ = true;
    admin_->SetServing(false);
    DoUnlessStopped(EXIT_FAILURE, [this] { proxy_->Drain(); });
    log_.Info("stopped");
  }

 private:
  void StartControl() {
    ControlOptions control;
    control.seeds = options_.seeds;
    control.generic = options_.generic;
    control.settings = options_.settings;
    control_ = Control::Start(std::move(control), &log_, &clock_);
  }

  absl::Status AwaitNodes() {
    if (!options_.settings.weights.empty()) {
      auto status = control_->AwaitWeightNames(kNamesTimeout);
      if (!status.ok()) return status;
    }
    control_->AwaitReady(kReadyTimeout);
    return absl::OkStatus();
  }

  absl::Status StartServing() {
    auto proxy = Proxy::Start(options_.proxy, control_->view(), &clock_);
    if (!proxy.ok()) return proxy.status();
    proxy_ = *std::move(proxy);
    control_->PublishTo(
        [this](std::shared_ptr<const View> view) { proxy_->SetView(std::move(view)); });
    return StartAdmin();
  }

  absl::Status StartAdmin() {
    const StateSource source{[this] { return control_->view(); },
                             [this] { return proxy_->counters(); }};
    auto http = HttpServer::Start(options_.admin_listen,
                                  StatusPages(
                                      source, [this] { return draining_.load(); }, &clock_));
    if (!http.ok()) return http.status();
    http_ = *std::move(http);
    auto admin = AdminServer::Start(options_.admin_grpc_listen, control_.get(), &log_, &clock_);
    if (!admin.ok()) return admin.status();
    admin_ = *std::move(admin);
    log_.Info("serving")
        .With("listen", HostAndPort(options_.proxy.listen, proxy_->port()))
        .With("admin", HostAndPort(options_.admin_listen.ToString(), http_->port()))
        .With("admin_grpc", HostAndPort(options_.admin_grpc_listen.ToString(), admin_->port()))
        .With("policy", options_.settings.policy)
        .With("generic", options_.generic);
    return absl::OkStatus();
  }

  // The address as given, with the port that was picked when it was 0.
  static std::string HostAndPort(const std::string& listen, uint16_t port) {
    return listen.substr(0, listen.rfind(':') + 1) + std::to_string(port);
  }

  static int Wait() {
    const sigset_t signals = HandledSignals();
    int signal = 0;
    sigwait(&signals, &signal);
    return signal;
  }

  void Reload() {
    auto values = flags_->ReloadFile();
    absl::Status status = values.status();
    if (status.ok()) {
      for (const std::string& key : KeysForRestart(file_at_start_, *values)) {
        if (flags_->OverridesFile(key)) continue;
        log_.Warn("key of the file takes effect at the next start only").With("key", key);
      }
      std::erase_if(*values, [this](const auto& value) {
        const bool overridden = flags_->OverridesFile(value.first);
        if (overridden) {
          log_.Warn("key of the file ignored: a flag or the environment gives it")
              .With("key", value.first);
        }
        return overridden;
      });
      auto settings = WithFileValues(control_->settings(), *values);
      status = settings.ok() ? control_->Apply(*settings) : settings.status();
    }
    if (status.ok()) {
      log_.Info("settings read again").With("policy", control_->settings().policy);
    } else {
      log_.Error("settings not read again; the old ones stay").With("error", status.message());
    }
  }

  const Options options_;
  const Flags* const flags_;
  const std::map<std::string, std::string> file_at_start_;
  const SystemClock clock_;
  Log log_{options_.log, &clock_};
  std::atomic<bool> draining_{false};
  std::unique_ptr<Proxy> proxy_;
  std::unique_ptr<Control> control_;  // after the proxy, which it publishes to
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<AdminServer> admin_;
};

int Main(int argc, const char* const* argv) {
  FlagValues values;
  Flags flags(
      "synod-balancer", "SYNOD_BALANCER",
      "Front door of a Synod cluster, or of any gRPC service: balances calls, not connections.");
  AddFlags(flags, &values);
  const auto outcome = flags.Parse(argc, argv, ProcessEnvironment());
  if (!outcome.ok()) return Fail(outcome.status());
  if (*outcome == FlagsOutcome::kExit) return EXIT_SUCCESS;
  auto options = CheckFlags(values);
  if (!options.ok()) return Fail(options.status());
  if (*outcome == FlagsOutcome::kCheckConfig) {
    std::puts("synod-balancer: the configuration is valid");
    return EXIT_SUCCESS;
  }

  // Before any thread starts, so that all of them leave these to Wait.
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  QuietGrpc();

  Balancer balancer(*std::move(options), &flags);
  if (auto status = balancer.Start(); !status.ok()) return Fail(status);
  balancer.Run();
  balancer.Drain();
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace synod::balancer

int main(int argc, char** argv) {
  return synod::balancer::Main(argc, argv);
}
