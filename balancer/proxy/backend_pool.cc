#include "balancer/proxy/backend_pool.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "balancer/proxy/resolver.h"
#include "balancer/proxy/socket.h"
#include "balancer/proxy/transport.h"

namespace synod::balancer {
namespace {

// After a failed connection, so that a dead backend is not asked by every call.
constexpr absl::Duration kFirstBackoff = absl::Milliseconds(50);
constexpr absl::Duration kMaxBackoff = absl::Seconds(1);

}  // namespace

// The connections to one backend in one lane.
class BackendPool::Group final : public BackendConnection::Observer {
 public:
  Group(BackendPool* pool, std::string address) : pool_(pool), address_(std::move(address)) {}

  void Request(Waiter* waiter);
  void Cancel(Waiter* waiter);
  void Retire();
  bool empty() const { return connections_.empty() && resolving_ == 0 && waiting_.empty(); }

  void OnStateChange(BackendConnection* connection) override;
  void OnGone(BackendConnection* connection, absl::string_view reason) override;

 private:
  BackendConnection* LeastLoaded() const;
  int Opening() const;  // connections that are not yet ready
  int Live() const;     // those, and the ready ones
  void Open();
  void OnResolved(const absl::StatusOr<SocketAddress>& address);
  void OnOpenFailed(absl::string_view reason);
  void ServeWaiting();
  void FailWaiting(bool failed, const std::string& reason);
  std::string FullText() const;

  BackendPool* pool_;
  const std::string address_;
  std::vector<std::unique_ptr<BackendConnection>> connections_;
  int resolving_ = 0;
  std::deque<Waiter*> waiting_;
  absl::Duration backoff_;
  absl::Duration retry_at_ = -absl::InfiniteDuration();
  std::string last_error_;
};

void BackendPool::Group::Request(Waiter* waiter) {
  const bool may_open = pool_->loop_->now() >= retry_at_;
  if (BackendConnection* best = LeastLoaded()) {
    if (may_open && Live() < pool_->options_.connections_per_backend && Opening() == 0) Open();
    return waiter->OnConnection(best);
  }
  if (Opening() == 0) {
    if (Live() >= pool_->options_.max_connections_per_backend) {
      return waiter->OnNoConnection(/*failed=*/false, FullText());
    }
    if (!may_open) return waiter->OnNoConnection(/*failed=*/true, last_error_);
    do {
      Open();
    } while (Opening() > 0 && Live() < pool_->options_.connections_per_backend);
    if (Opening() == 0) return waiter->OnNoConnection(/*failed=*/true, last_error_);
  }
  if (waiting_.size() >= kMaxWaiting) {
    return waiter->OnNoConnection(
        /*failed=*/false,
        absl::StrCat(kMaxWaiting, " calls wait already while connections to it are made"));
  }
  waiting_.push_back(waiter);
}

void BackendPool::Group::Cancel(Waiter* waiter) {
  const auto found = absl::c_find(waiting_, waiter);
  if (found != waiting_.end()) waiting_.erase(found);
}

void BackendPool::Group::Retire() {
  for (auto& connection : connections_) connection->Retire();
  FailWaiting(/*failed=*/false, "it left the set of backends");
}

void BackendPool::Group::OnStateChange(BackendConnection* connection) {
  if (connection->state() != BackendConnection::State::kReady) return;
  backoff_ = absl::ZeroDuration();
  retry_at_ = -absl::InfiniteDuration();
  ServeWaiting();
}

void BackendPool::Group::OnGone(BackendConnection* connection, absl::string_view reason) {
  const auto found = absl::c_find_if(
      connections_, [connection](const auto& owned) { return owned.get() == connection; });
  pool_->loop_->DeleteLater(std::move(*found));
  connections_.erase(found);
  if (!connection->established()) OnOpenFailed(reason);
}

BackendConnection* BackendPool::Group::LeastLoaded() const {
  BackendConnection* best = nullptr;
  for (const auto& connection : connections_) {
    if (!connection->HasRoom()) continue;
    if (best == nullptr || connection->streams() < best->streams()) best = connection.get();
  }
  return best;
}

int BackendPool::Group::Opening() const {
  return resolving_ + static_cast<int>(absl::c_count_if(connections_, [](const auto& c) {
           return c->state() == BackendConnection::State::kConnecting;
         }));
}

int BackendPool::Group::Live() const {
  return Opening() + static_cast<int>(absl::c_count_if(connections_, [](const auto& c) {
           return c->state() == BackendConnection::State::kReady;
         }));
}

void BackendPool::Group::Open() {
  // A numeric address, the usual case, needs no resolver and no thread switch.
  const absl::StatusOr<SocketAddress> address = ResolveAddress(address_, /*numeric_only=*/true);
  if (address.ok()) return OnResolved(address);
  ++resolving_;
  // The group outlives this: SetView keeps groups that are resolving.
  pool_->resolver_->Resolve(address_, pool_->loop_, [this](absl::StatusOr<SocketAddress> resolved) {
    --resolving_;
    OnResolved(resolved);
  });
}

void BackendPool::Group::OnResolved(const absl::StatusOr<SocketAddress>& address) {
  if (!address.ok()) return OnOpenFailed(address.status().message());
  const absl::StatusOr<int> fd = StartConnect(*address);
  if (!fd.ok()) return OnOpenFailed(fd.status().message());
  connections_.push_back(std::make_unique<BackendConnection>(pool_->loop_, NewPlainTransport(*fd),
                                                             pool_->options_, this));
  connections_.back()->Start(pool_->ping_);
}

void BackendPool::Group::OnOpenFailed(absl::string_view reason) {
  last_error_ = std::string(reason);
  backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kMaxBackoff);
  retry_at_ = pool_->loop_->now() + backoff_;
  if (Opening() == 0) FailWaiting(/*failed=*/Live() == 0, Live() == 0 ? last_error_ : FullText());
}

void BackendPool::Group::ServeWaiting() {
  size_t room_per_connection = 1;
  while (!waiting_.empty()) {
    BackendConnection* best = LeastLoaded();
    if (best == nullptr) break;
    Waiter* waiter = waiting_.front();
    waiting_.pop_front();
    waiter->OnConnection(best);
  }
  for (const auto& connection : connections_) {
    if (connection->state() != BackendConnection::State::kReady) continue;
    room_per_connection =
        std::max<size_t>(room_per_connection, connection->session().peer_max_concurrent_streams());
  }
  while (waiting_.size() > room_per_connection * static_cast<size_t>(Opening()) &&
         Live() < pool_->options_.max_connections_per_backend) {
    const int before = Live();
    Open();
    if (Live() == before) break;  // failed at once
  }
  if (!waiting_.empty() && Opening() == 0) FailWaiting(/*failed=*/false, FullText());
}

void BackendPool::Group::FailWaiting(bool failed, const std::string& reason) {
  std::deque<Waiter*> waiting;
  waiting.swap(waiting_);
  for (Waiter* waiter : waiting) waiter->OnNoConnection(failed, reason);
}

std::string BackendPool::Group::FullText() const {
  return absl::StrCat("all ", Live(), " connections have all their streams in use (at most ",
                      pool_->options_.max_connections_per_backend,
                      " connections per worker); raise the backend's MAX_CONCURRENT_STREAMS or add "
                      "backends");
}

BackendPool::BackendPool(EventLoop* loop, Resolver* resolver, const ProxyOptions& options)
    : loop_(loop), resolver_(resolver), options_(options) {}

BackendPool::~BackendPool() = default;

void BackendPool::Request(const std::string& address, Lane lane, Waiter* waiter) {
  std::unique_ptr<Group>& group = groups_[static_cast<size_t>(lane)][address];
  if (group == nullptr) group = std::make_unique<Group>(this, address);
  group->Request(waiter);
}

void BackendPool::Cancel(const std::string& address, Lane lane, Waiter* waiter) {
  Groups& groups = groups_[static_cast<size_t>(lane)];
  const auto found = groups.find(address);
  if (found != groups.end()) found->second->Cancel(waiter);
}

void BackendPool::SetView(const View& view) {
  // Backends of any gRPC service may punish pings (gRFC A8); the cluster's own nodes allow them.
  ping_ = !view.generic;
  for (Groups& groups : groups_) {
    std::vector<Group*> gone;
    absl::erase_if(groups, [](const auto& entry) { return entry.second->empty(); });
    for (auto& [address, group] : groups) {
      const std::string& key = address;
      if (absl::c_none_of(view.backends, [&key](const auto& b) { return b.address == key; })) {
        gone.push_back(group.get());
      }
    }
    // Failing a waiter makes it ask again, possibly for a group that is new.
    for (Group* group : gone) group->Retire();
  }
}

}  // namespace synod::balancer
