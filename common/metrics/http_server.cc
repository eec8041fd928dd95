#include "common/metrics/http_server.h"

#include <httplib.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/url/cannot_listen.h"

namespace synod {
namespace {

constexpr size_t kMaxQueuedConnections = 64;
constexpr size_t kMaxRequestBytes = 64 << 10;
constexpr int kTimeoutSeconds = 1;
constexpr int kBacklog = 128;

// httplib's own pool has no bound. Here the accept loop waits when the queue is full, so that more
// connections pile up in the kernel's backlog, which has one.
class BoundedPool final : public httplib::TaskQueue {
 public:
  explicit BoundedPool(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }

  void enqueue(std::function<void()> task) override {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &BoundedPool::HasRoom));
    tasks_.push_back(std::move(task));
  }

  void shutdown() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  bool HasRoom() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return tasks_.size() < kMaxQueuedConnections;
  }
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopping_ || !tasks_.empty(); }

  void Run() {
    for (;;) {
      std::function<void()> task;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &BoundedPool::HasWork));
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  absl::Mutex mutex_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

class HttplibServer final : public HttpServer {
 public:
  HttplibServer(std::map<std::string, HttpHandler> handlers, int threads)
      : handlers_(std::move(handlers)) {
    server_.new_task_queue = [threads] { return new BoundedPool(threads); };
    // httplib would set SO_REUSEPORT, with which two processes share a port without noticing.
    server_.set_socket_options([this](socket_t socket) {
      const int on = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      socket_ = socket;
    });
    // A kept-alive connection would hold one of few threads while idle.
    server_.set_keep_alive_max_count(1);
    // For the first byte of a request; the next one is for those that follow.
    server_.set_keep_alive_timeout(kTimeoutSeconds);
    server_.set_read_timeout(kTimeoutSeconds);
    server_.set_write_timeout(kTimeoutSeconds);
    server_.set_payload_max_length(kMaxRequestBytes);
    server_.Get(".*", [this](const httplib::Request& request, httplib::Response& response) {
      Serve(request, response);
    });
  }

  ~HttplibServer() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(const HostPort& address) {
    errno = 0;
    if (address.port == 0) {
      const int port = server_.bind_to_any_port(address.host);
      if (port > 0) port_ = static_cast<uint16_t>(port);
    } else if (server_.bind_to_port(address.host, address.port)) {
      port_ = address.port;
    }
    if (port_ == 0) {
      const char* reason = errno != 0 ? std::strerror(errno) : "the host does not resolve";
      return CannotListen(address.ToString(), reason);
    }
    // httplib listens with a backlog of 5, and a full one costs whoever connects a second or more.
    listen(socket_, kBacklog);
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // stop() does nothing before the accept loop runs; a server that is destroyed at once must not
    // miss it.
    while (!server_.is_running()) std::this_thread::yield();
    return absl::OkStatus();
  }

  uint16_t port() const override { return port_; }

 private:
  void Serve(const httplib::Request& request, httplib::Response& response) const {
    const auto handler = handlers_.find(request.path);
    if (handler == handlers_.end()) {
      response.status = 404;
      response.set_content(absl::StrCat("no such page: ", request.path, "\n"),
                           "text/plain; charset=utf-8");
      return;
    }
    HttpRequest query{request.path, {request.params.begin(), request.params.end()}};
    HttpResponse answer = handler->second(query);
    response.status = answer.status;
    response.set_content(std::move(answer.body), answer.content_type);
  }

  const std::map<std::string, HttpHandler> handlers_;
  httplib::Server server_;
  socket_t socket_ = INVALID_SOCKET;  // httplib's
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(
    const HostPort& listen, std::map<std::string, HttpHandler> handlers, int threads) {
  auto server = std::make_unique<HttplibServer>(std::move(handlers), threads);
  if (auto status = server->Listen(listen); !status.ok()) return status;
  return server;
}

}  // namespace synod
