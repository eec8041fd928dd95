#include "tests/e2e/write_load.h"

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "tests/support/await.h"

namespace synod::e2e {
namespace {

// A write that takes longer is given up; it may happen all the same.
constexpr absl::Duration kWriteLimit = absl::Milliseconds(500);
constexpr absl::Duration kReadBackLimit = absl::Seconds(20);
constexpr size_t kFaultsShown = 10;

std::string CounterKey(int writer) {
  return absl::StrCat("counter/", writer);
}

}  // namespace

WriteLoad::WriteLoad(std::string address, int writers)
    : address_(std::move(address)), counters_(writers) {
  for (int writer = 0; writer < writers; ++writer) {
    threads_.emplace_back([this, writer] { Write(writer); });
  }
}

WriteLoad::~WriteLoad() {
  Stop();
}

void WriteLoad::Stop() {
  stop_ = true;
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WriteLoad::Write(int writer) {
  Client client(address_);
  for (int sequence = 0; !stop_; ++sequence) {
    PutNewKey(client, writer, absl::StrFormat("written/%d/%08d", writer, sequence));
    if (sequence % 8 == 0) StepCounter(client, CounterKey(writer), counters_[writer]);
  }
}

void WriteLoad::PutNewKey(Client& client, int writer, const std::string& key) {
  if (!client.Put(key, "value of " + key, kWriteLimit).ok()) {
    // Do not turn while the other side is down.
    absl::SleepFor(absl::Milliseconds(10));
    return;
  }
  absl::MutexLock lock(&mutex_);
  acknowledged_.push_back({absl::Now(), writer, key});
}

// value == sent - 1 in the compare makes a second application of the same step fail, so a step that
// counts twice can only come from a store that executed one transaction twice.
void WriteLoad::StepCounter(Client& client, const std::string& key, Counter& counter) {
  etcdserverpb::TxnRequest request;
  etcdserverpb::Compare* compare = request.add_compare();
  compare->set_key(key);
  compare->set_target(etcdserverpb::Compare::VERSION);
  compare->set_version(counter.sent);
  etcdserverpb::PutRequest* put = request.add_success()->mutable_request_put();
  put->set_key(key);
  put->set_value(absl::StrCat(counter.sent + 1));
  request.add_failure()->mutable_request_range()->set_key(key);
  etcdserverpb::TxnResponse response;
  if (!client.Txn(request, kWriteLimit, &response).ok()) return;
  if (response.succeeded()) {
    counter.acknowledged = ++counter.sent;
    return;
  }
  // An earlier step whose outcome was unknown did happen: its version is the truth.
  const auto& range = response.responses(0).response_range();
  counter.sent = range.kvs_size() == 0 ? 0 : range.kvs(0).version();
}

size_t WriteLoad::Acknowledged() const {
  absl::MutexLock lock(&mutex_);
  return acknowledged_.size();
}

bool WriteLoad::AwaitMore(size_t count, absl::Duration limit) const {
  const size_t target = Acknowledged() + count;
  return testing::Await(limit, [&] { return Acknowledged() >= target; });
}

absl::Duration WriteLoad::LongestPause(absl::Time since, absl::Time until) const {
  absl::MutexLock lock(&mutex_);
  if (acknowledged_.empty() || acknowledged_.back().at <= since) return absl::InfiniteDuration();
  until = std::min(until, acknowledged_.back().at);
  std::vector<absl::Time> last(counters_.size(), since);
  absl::Duration longest;
  for (const Acknowledgement& write : acknowledged_) {
    if (write.at <= since || write.at > until) continue;
    absl::Time& before = last[static_cast<size_t>(write.writer)];
    longest = std::max(longest, write.at - before);
    before = write.at;
  }
  return std::max(longest, until - *std::min_element(last.begin(), last.end()));
}

std::vector<std::string> WriteLoad::Faults(const std::string& address) const {
  Client client(address);
  std::vector<std::string> faults;
  etcdserverpb::RangeResponse found;
  etcdserverpb::RangeResponse counters;
  grpc::Status read = client.List("written/", Read::kLinearizable, kReadBackLimit, &found);
  if (read.ok()) read = client.List("counter/", Read::kLinearizable, kReadBackLimit, &counters);
  if (!read.ok()) return {absl::StrCat("cannot read back: ", read.error_message())};

  std::map<std::string, const mvccpb::KeyValue*> by_key;
  for (const auto& kv : found.kvs()) {
    by_key[kv.key()] = &kv;
    if (kv.version() != 1) faults.push_back(absl::StrCat(kv.key(), " was written twice"));
  }
  for (const auto& kv : counters.kvs()) {
    by_key[kv.key()] = &kv;
    if (kv.value() != absl::StrCat(kv.version())) {
      faults.push_back(absl::StrCat(kv.key(), " is ", kv.value(), " at version ", kv.version()));
    }
  }
  {
    absl::MutexLock lock(&mutex_);
    for (const Acknowledgement& write : acknowledged_) {
      const auto kv = by_key.find(write.key);
      if (kv == by_key.end()) {
        faults.push_back(absl::StrCat(write.key, " was acknowledged and is missing"));
      } else if (kv->second->value() != "value of " + write.key) {
        faults.push_back(absl::StrCat(write.key, " holds ", kv->second->value()));
      }
    }
  }
  for (size_t writer = 0; writer < counters_.size(); ++writer) {
    const std::string key = CounterKey(static_cast<int>(writer));
    const auto kv = by_key.find(key);
    const int64_t version = kv == by_key.end() ? 0 : kv->second->version();
    if (version < counters_[writer].acknowledged) {
      faults.push_back(absl::StrCat(key, " lost acknowledged steps: ", version, " of ",
                                    counters_[writer].acknowledged));
    }
  }
  if (faults.size() > kFaultsShown) faults.resize(kFaultsShown);
  return faults;
}

}  // namespace synod::e2e
