#include "balancer/proxy/resolver.h"

#include <utility>

namespace synod::balancer {

Resolver::~Resolver() {
  std::thread thread;
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void Resolver::Resolve(std::string host_port, EventLoop* loop, Callback callback) {
  absl::MutexLock lock(&mutex_);
  if (questions_.size() >= kMaxQueued) {
    loop->Post([callback = std::move(callback)] {
      callback(absl::ResourceExhaustedError("too many names wait to be resolved"));
    });
    return;
  }
  questions_.push_back({std::move(host_port), loop, std::move(callback)});
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void Resolver::Run() {
  for (;;) {
    Question question;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Resolver::HasWork));
      if (stopping_) return;
      question = std::move(questions_.front());
      questions_.pop_front();
    }
    auto address = ResolveAddress(question.host_port, /*numeric_only=*/false);
    question.loop->Post([callback = std::move(question.callback), address = std::move(address)] {
      callback(address);
    });
  }
}

}  // namespace synod::balancer
