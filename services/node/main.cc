// synod-node: one consensus replica serving the etcd v3 gRPC API.

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock.h"
#include "common/log/log.h"
#include "common/metrics/http_server.h"
#include "common/steady_wait.h"
#include "services/node/corruption_watch.h"
#include "services/node/http_pages.h"
#include "services/node/node.h"
#include "services/node/options.h"
#include "services/node/periodic_thread.h"
#include "services/node/space_watch.h"
#include "services/rpc/client_server.h"
#include "services/rpc/listen.h"

namespace synod::node {
namespace {

// How long calls under way may finish after a request to stop.
constexpr absl::Duration kShutdownGrace = absl::Seconds(3);

// What it takes to tell them that they did not.
constexpr absl::Duration kLastWordGrace = absl::Milliseconds(500);

// Between two looks at the space left. A fast disk can take in some tens of MiB meanwhile.
constexpr absl::Duration kSpaceInterval = absl::Milliseconds(250);

int Fail(absl::string_view why) {
  const std::string line = absl::StrCat("synod-node: ", why, "\n");
  std::fwrite(line.data(), 1, line.size(), stderr);
  return 1;
}

// Past the log and without clean-up: after a failed sync nothing that runs may be trusted to make
// things better.
void DieOf(absl::string_view doing, const absl::Status& why) {
  Fail(absl::StrCat("stopped: ", doing, " failed: ", why.message()));
  _exit(1);
}

// How the node tells this process that it is no member any more: one that stays blocked, so that it
// cannot do harm when the process is stopping already. SIGTERM would.
const int kRemoved = SIGRTMIN;

sigset_t SetOf(std::initializer_list<int> numbers) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : numbers) sigaddset(&signals, number);
  return signals;
}

// While they are blocked.
bool ToldToStop() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

// Waits for SIGTERM, SIGINT or the removal; from then on the next of the first two ends the process
// at once.
int AwaitStop(Log& log) {
  const sigset_t signals = SetOf({SIGTERM, SIGINT, SIGHUP, kRemoved});
  int signal = 0;
  while (sigwait(&signals, &signal) != 0 || signal == SIGHUP) {
    if (signal == SIGHUP) log.Warn("SIGHUP changes nothing: flags are read at the start only");
  }
  const sigset_t fatal = SetOf({SIGTERM, SIGINT});
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, &fatal, nullptr);
  return signal;
}

// Asked before the data directory is made, so that a port in use leaves nothing behind.
absl::Status CheckAllFree(const NodeOptions& options) {
  std::vector<Url> urls = options.listen_client_urls;
  urls.push_back(options.listen_peer_url);
  urls.insert(urls.end(), options.listen_metrics_urls.begin(), options.listen_metrics_urls.end());
  for (const Url& url : urls) {
    if (auto status = rpc::CheckFree(url.address.ToString()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// In order, so that clients notice little: somebody else leads before this node is gone, and
// whoever still waits at the end hears etcd's words instead of gRPC's.
void StopServing(rpc::ClientServer& clients, Node& node) {
  node.Resign();
  Event done;
  std::thread last_word([&] {
    if (!done.WaitWithTimeout(kShutdownGrace)) node.RefuseClients();
  });
  clients.Shutdown(kShutdownGrace + kLastWordGrace);
  done.Notify();
  last_word.join();
}

int Run(const NodeOptions& options) {
  if (auto status = CheckAllFree(options); !status.ok()) return Fail(status.message());
  // Before any thread starts, so that all inherit it and only AwaitStop sees the signals.
  const sigset_t signals = SetOf({SIGTERM, SIGINT, SIGHUP, kRemoved});
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  SystemClock clock;
  Log log(options.log, &clock);
  log.Info("starting").With("name", options.name).With("data_dir", options.data_dir);
  auto node =
      Node::Start(options, &log, &clock, {DieOf, [] { kill(getpid(), kRemoved); }, ToldToStop});
  if (absl::IsCancelled(node.status())) {
    log.Info("stopped").With("why", node.status().message());
    return 0;
  }
  if (!node.ok()) return Fail(node.status().message());

  rpc::ClientServerOptions serve;
  for (const Url& url : options.listen_client_urls) serve.listen.push_back(url.address.ToString());
  serve.max_request_bytes = options.max_request_bytes;
  serve.max_txn_ops = options.max_txn_ops;
  // etcd: 5 s for the disk and the network, and an election or two.
  serve.request_timeout = absl::Seconds(5) + 2 * options.election_timeout;
  serve.quorum_contact_limit = 3 * options.election_timeout;
  serve.stall_limit = serve.quorum_contact_limit;
  serve.observer = (*node)->call_observer();
  auto clients = rpc::ClientServer::Start(std::move(serve), node->get());
  if (!clients.ok()) return Fail(clients.status().message());

  std::vector<std::unique_ptr<HttpServer>> pages;
  for (const Url& url : options.listen_metrics_urls) {
    auto server = HttpServer::Start(url.address, NodePages(node->get()));
    if (!server.ok()) return Fail(server.status().message());
    pages.push_back(*std::move(server));
  }

  SpaceWatch space({options.disk_reserve_bytes, options.quota_backend_bytes},
                   {[&options] { return FreeBytes(options.data_dir); },
                    [&node] { return (*node)->log_is_short_of_space(); }},
                   node->get(), &log);
  std::optional<PeriodicThread> looking(std::in_place, kSpaceInterval, [&space] { space.Look(); });

  CorruptionWatch corruption(
      node->get(),
      [&node](NodeId member, kv::Revision revision, kv::GiveUp give_up) {
        return (*node)->AskForHash(member, revision, give_up);
      },
      &log);
  std::optional<PeriodicThread> comparing;
  if (options.corrupt_check_time > absl::ZeroDuration()) {
    comparing.emplace(options.corrupt_check_time, [&corruption] { corruption.Compare(); });
  }

  log.Info("serving").With("name", options.name);
  const int signal = AwaitStop(log);
  log.Info("stopping").With("signal", signal);
  looking.reset();
  corruption.Stop();
  comparing.reset();
  StopServing(**clients, **node);
  pages.clear();
  clients->reset();
  node->reset();
  log.Info("stopped");
  return 0;
}

int Main(int argc, char** argv) {
  const auto parsed = ParseNodeOptions(argc, argv, ProcessEnvironment());
  if (!parsed.ok()) return Fail(parsed.status().message());
  switch (parsed->outcome) {
    case FlagsOutcome::kExit:
      return 0;
    case FlagsOutcome::kCheckConfig:
      std::puts("synod-node: the configuration is valid");
      return 0;
    case FlagsOutcome::kRun:
      break;
  }
  return Run(parsed->options);
}

}  // namespace
}  // namespace synod::node

int main(int argc, char** argv) {
  return synod::node::Main(argc, argv);
}
