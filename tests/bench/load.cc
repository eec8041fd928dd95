#include "tests/bench/load.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <queue>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/clock.h"
#include "common/random.h"
#include "etcd/kv.grpc.pb.h"

namespace synod::bench {
namespace {

using etcdserverpb::KV;
using etcdserverpb::PutRequest;
using etcdserverpb::PutResponse;
using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;

std::string KeyOf(int64_t number) {
  return absl::StrFormat("bench/%010d", number);
}

std::unique_ptr<KV::Stub> Connect(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  // A connection of its own: channels with equal arguments would share one.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return KV::NewStub(
      grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments));
}

std::string Describe(const grpc::Status& status) {
  return absl::StrCat(status.error_code(), " ", status.error_message());
}

// One call at a time, over and over.
struct Call {
  KV::Stub* stub = nullptr;
  std::optional<grpc::ClientContext> context;
  grpc::Status status;
  absl::Duration due;
  PutResponse put_response;
  RangeResponse range_response;
  std::unique_ptr<grpc::ClientAsyncResponseReader<PutResponse>> put;
  std::unique_ptr<grpc::ClientAsyncResponseReader<RangeResponse>> range;
};

// One thread's share of the load.
class Worker {
 public:
  Worker(const LoadOptions& options, int index, int connections, absl::Duration begin)
      : options_(options),
        random_(options.seed * 1000 + static_cast<uint64_t>(index)),
        measure_from_(begin + options.warmup),
        end_(measure_from_ + options.duration),
        due_(begin),
        value_(static_cast<size_t>(options.value_bytes), 'v') {
    for (int i = 0; i < connections; ++i) {
      const size_t at = static_cast<size_t>(index + i * options.threads);
      stubs_.push_back(Connect(options.endpoints[at % options.endpoints.size()]));
      for (int j = 0; j < options.in_flight; ++j) {
        calls_.push_back(std::make_unique<Call>());
        calls_.back()->stub = stubs_.back().get();
        idle_.push(calls_.back().get());
      }
    }
    if (options.rate > 0) interval_ = absl::Seconds(options.threads / options.rate);
  }

  void Run() {
    StartDue();
    while (idle_.size() < calls_.size() || clock_.Monotonic() < end_) {
      void* tag = nullptr;
      bool ok = false;
      const auto until = std::chrono::system_clock::now() + WaitTime();
      const auto next = queue_.AsyncNext(&tag, &ok, until);
      if (next == grpc::CompletionQueue::GOT_EVENT) Finish(*static_cast<Call*>(tag));
      StartDue();
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
    if (options_.rate > 0) {
      result_.not_started =
          static_cast<uint64_t>(std::max(0.0, absl::FDivDuration(end_ - due_, interval_)));
    }
  }

  const LoadResult& result() const { return result_; }

 private:
  std::chrono::nanoseconds WaitTime() const {
    absl::Duration wait = absl::Milliseconds(100);
    if (options_.rate > 0 && !idle_.empty()) wait = std::min(wait, due_ - clock_.Monotonic());
    return absl::ToChronoNanoseconds(std::max(wait, absl::ZeroDuration()));
  }

  void StartDue() {
    absl::Duration now = clock_.Monotonic();
    while (!idle_.empty() && now < end_) {
      if (options_.rate > 0 && due_ > now) return;
      Call& call = *idle_.front();
      idle_.pop();
      call.due = options_.rate > 0 ? due_ : now;
      due_ += interval_;
      Start(call);
      now = clock_.Monotonic();
    }
  }

  bool NextIsRead() {
    if (options_.operation == Operation::kMixed) return random_.Chance(options_.read_share);
    return options_.operation != Operation::kPut;
  }

  void Start(Call& call) {
    call.context.emplace();
    call.context->set_deadline(std::chrono::system_clock::now() +
                               absl::ToChronoNanoseconds(options_.call_timeout));
    const std::string key =
        KeyOf(static_cast<int64_t>(random_.Below(static_cast<uint64_t>(options_.keys))));
    if (NextIsRead()) {
      RangeRequest request;
      request.set_key(key);
      request.set_serializable(options_.operation == Operation::kSerializableGet);
      call.range = call.stub->AsyncRange(&*call.context, request, &queue_);
      call.range->Finish(&call.range_response, &call.status, &call);
    } else {
      PutRequest request;
      request.set_key(key);
      request.set_value(value_);
      call.put = call.stub->AsyncPut(&*call.context, request, &queue_);
      call.put->Finish(&call.put_response, &call.status, &call);
    }
  }

  void Finish(Call& call) {
    const absl::Duration now = clock_.Monotonic();
    // What was due in the measured time counts, however late it ended.
    if (call.due >= measure_from_ && call.due < end_) {
      if (call.status.ok()) {
        result_.latency.Add(now - call.due);
      } else {
        ++result_.failures[Describe(call.status)];
      }
    }
    idle_.push(&call);
  }

  const LoadOptions& options_;
  SystemClock clock_;
  Random random_;
  const absl::Duration measure_from_;
  const absl::Duration end_;
  absl::Duration due_;
  absl::Duration interval_;
  const std::string value_;
  grpc::CompletionQueue queue_;
  std::vector<std::unique_ptr<KV::Stub>> stubs_;
  std::vector<std::unique_ptr<Call>> calls_;
  std::queue<Call*> idle_;
  LoadResult result_;
};

// Puts every key once, so that reads find what they ask for.
absl::Status PutAllKeys(const LoadOptions& options) {
  constexpr int64_t kPutsPerTxn = 100;
  const auto stub = Connect(options.endpoints.front());
  const std::string value(static_cast<size_t>(options.value_bytes), 'v');
  for (int64_t first = 0; first < options.keys; first += kPutsPerTxn) {
    etcdserverpb::TxnRequest txn;
    for (int64_t key = first; key < std::min(first + kPutsPerTxn, options.keys); ++key) {
      PutRequest* put = txn.add_success()->mutable_request_put();
      put->set_key(KeyOf(key));
      put->set_value(value);
    }
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    etcdserverpb::TxnResponse response;
    const grpc::Status status = stub->Txn(&context, txn, &response);
    if (!status.ok()) {
      return absl::UnavailableError(absl::StrCat("cannot put the keys to read at ",
                                                 options.endpoints.front(), ": ", Describe(status),
                                                 "; is a cluster running there?"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LoadResult> RunLoad(const LoadOptions& options) {
  if (absl::Status put = PutAllKeys(options); !put.ok()) return put;
  const absl::Duration begin = SystemClock().Monotonic();
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < options.threads; ++i) {
    const int extra = i < options.connections % options.threads ? 1 : 0;
    workers.push_back(
        std::make_unique<Worker>(options, i, options.connections / options.threads + extra, begin));
  }
  std::vector<std::thread> threads;
  for (const auto& worker : workers) threads.emplace_back([&worker] { worker->Run(); });
  for (std::thread& thread : threads) thread.join();

  LoadResult total;
  total.measured = options.duration;
  for (const auto& worker : workers) {
    total.latency.Merge(worker->result().latency);
    total.not_started += worker->result().not_started;
    for (const auto& [text, count] : worker->result().failures) total.failures[text] += count;
  }
  return total;
}

}  // namespace synod::bench
