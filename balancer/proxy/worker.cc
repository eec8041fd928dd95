#include "balancer/proxy/worker.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "balancer/proxy/socket.h"
#include "balancer/proxy/transport.h"

namespace synod::balancer {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

// How long calls that outlived drain_timeout have for their last status to be written.
constexpr absl::Duration kLastWrites = absl::Milliseconds(500);

// An empty SETTINGS, then GOAWAY without its text, and with its length still to be set: last stream
// 0, ENHANCE_YOUR_CALM.
constexpr char kRefusal[] = {0, 0, 0, 4, 0, 0, 0, 0, 0,  //
                             0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11};
constexpr size_t kGoawayLength = 11;  // its last byte; the text is shorter than 247
constexpr size_t kGoawayFixed = 8;

void RefuseConnection(int fd, size_t most) {
  const std::string text =
      absl::StrCat("synod-balancer: too many connections, the limit is ", most,
                   "; share one among many calls, or connect to another balancer");
  std::string frames = absl::StrCat(absl::string_view(kRefusal, sizeof kRefusal), text);
  frames[kGoawayLength] = static_cast<char>(kGoawayFixed + text.size());
  // A fresh socket's buffer takes these few bytes; if it does not, the close says enough.
  [[maybe_unused]] const ssize_t n = send(fd, frames.data(), frames.size(), MSG_NOSIGNAL);
  close(fd);
}

}  // namespace

Worker::Worker(int listener, const ProxyOptions& options, const Clock* clock, Resolver* resolver,
               std::shared_ptr<const View> view, uint64_t seed)
    : options_(options),
      listener_(listener),
      loop_(clock),
      router_(view, seed),
      pool_(&loop_, resolver, options),
      context_{options, loop_, router_, pool_, counters_, RetryBudget(), Random(seed ^ 1)} {
  pool_.SetView(*view);
}

Worker::~Worker() {
  Join();
  if (listener_ >= 0) close(listener_);
}

void Worker::Start(absl::Span<const std::unique_ptr<Worker>> peers) {
  peers_ = peers;
  loop_.Add(listener_, EPOLLIN, this);
  thread_ = std::thread([this] { loop_.Run(); });
}

void Worker::SetView(std::shared_ptr<const View> view) {
  loop_.Post([this, view = std::move(view)] {
    router_.SetView(view);
    pool_.SetView(*view);
  });
}

void Worker::Drain() {
  loop_.Post([this] { BeginDrain(); });
}

void Worker::Join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::OnEvents(uint32_t) {
  Accept();
}

void Worker::Accept() {
  for (int i = 0; i < kAcceptsPerTurn && listener_ >= 0; ++i) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        PauseAccepting();
      }
      return;
    }
    if (ConnectionsOfAll() >= options_.max_client_connections) {
      counters_.connections_refused_total.fetch_add(1, std::memory_order_relaxed);
      RefuseConnection(fd, options_.max_client_connections);
      continue;
    }
    Worker* worker = LeastLoaded();
    // Counted before the hand-over, so that the next one sees it.
    worker->counters_.client_connections.fetch_add(1, std::memory_order_relaxed);
    SetConnectionOptions(fd);
    auto transport = NewPlainTransport(fd);
    if (worker == this) {
      Adopt(std::move(transport));
    } else {
      // Shared, because a task is copyable; closes the socket if the other's loop has ended.
      auto handed = std::make_shared<std::unique_ptr<Transport>>(std::move(transport));
      worker->loop_.Post([worker, handed] { worker->Adopt(std::move(*handed)); });
    }
  }
}

// Without descriptors to accept with, the listener would stay readable and the loop would spin.
void Worker::PauseAccepting() {
  loop_.Modify(listener_, 0, this);
  loop_.AddTimer(kAcceptPause, [this] {
    if (listener_ >= 0) loop_.Modify(listener_, EPOLLIN, this);
  });
}

void Worker::StopAccepting() {
  if (listener_ < 0) return;
  loop_.Remove(listener_);
  close(std::exchange(listener_, -1));
}

void Worker::Adopt(std::unique_ptr<Transport> transport) {
  clients_.push_back(std::make_unique<ClientConnection>(&context_, std::move(transport), this));
  clients_.back()->index = clients_.size() - 1;
  clients_.back()->Start();
  if (draining_) clients_.back()->Drain();
}

Worker* Worker::LeastLoaded() const {
  const auto load = [](const Worker* worker) {
    return worker->counters_.client_connections.load(std::memory_order_relaxed);
  };
  auto* least = const_cast<Worker*>(this);
  for (const auto& peer : peers_) {
    if (load(peer.get()) < load(least)) least = peer.get();
  }
  return least;
}

uint64_t Worker::ConnectionsOfAll() const {
  uint64_t sum = 0;
  for (const auto& peer : peers_) {
    sum += peer->counters_.client_connections.load(std::memory_order_relaxed);
  }
  return sum;
}

void Worker::OnClientGone(ClientConnection* connection) {
  const size_t index_of_client = connection->index;
  loop_.DeleteLater(std::move(clients_[index_of_client]));
  if (index_of_client + 1 != clients_.size()) {
    clients_[index_of_client] = std::move(clients_.back());
    clients_[index_of_client]->index = index_of_client;
  }
  clients_.pop_back();
  counters_.client_connections.fetch_sub(1, std::memory_order_relaxed);
  if (draining_ && clients_.empty()) loop_.Stop();
}

void Worker::BeginDrain() {
  if (std::exchange(draining_, true)) return;
  StopAccepting();
  if (clients_.empty()) return loop_.Stop();
  for (const auto& client : clients_) client->Drain();
  loop_.AddTimer(options_.drain_timeout, [this] { EndDrain(); });
}

void Worker::EndDrain() {
  for (const auto& client : clients_) {
    client->FailCalls("this balancer is shutting down and the call outlived its drain time");
  }
  loop_.AddTimer(kLastWrites, [this] { CloseRest(); });
}

void Worker::CloseRest() {
  while (!clients_.empty()) clients_.back()->Close("the balancer has shut down");
}

}  // namespace synod::balancer
