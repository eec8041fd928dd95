#include "balancer/control/control.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "balancer/control/cluster_map.h"
#include "balancer/control/fact_board.h"
#include "balancer/control/transitions.h"
#include "balancer/control/view_builder.h"
#include "balancer/control/view_keeper.h"
#include "common/steady_wait.h"

namespace synod::balancer {
namespace {

size_t ReadyCount(const View& view) {
  return static_cast<size_t>(
      std::count_if(view.backends.begin(), view.backends.end(), [](const Backend& backend) {
        return backend.role == BackendRole::kVoter && backend.state == BackendState::kReady;
      }));
}

bool Names(const Backend& backend, absl::string_view name) {
  return backend.name == name || backend.address == name;
}

class LoopControl final : public Control {
 public:
  LoopControl(ControlOptions options, Log* log, const Clock* clock)
      : options_(std::move(options)),
        log_(log),
        clock_(clock),
        keeper_(options_.generic, options_.ejection) {
    wishes_.settings = options_.settings;
    wishes_.seeds = options_.seeds.addresses;
    Step();
    if (options_.seeds.dns) {
      resolver_ = std::make_unique<SeedResolver>(
          *options_.seeds.dns, options_.resolve_interval, options_.resolve,
          [this](const absl::StatusOr<std::vector<std::string>>& found) { OnResolved(found); });
    }
    thread_ = std::thread([this] { Run(); });
  }

  ~LoopControl() override {
    resolver_.reset();
    Change([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { stopping_ = true; });
    thread_.join();
    followers_.clear();
  }

  void PublishTo(Publish publish) override {
    Await(Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { publish_ = std::move(publish); }));
  }

  std::shared_ptr<const View> view() const override {
    const absl::MutexLock lock(&mutex_);
    return latest_;
  }

  Settings settings() const override {
    const absl::MutexLock lock(&mutex_);
    return wishes_.settings;
  }

  absl::Status Apply(const Settings& settings) override {
    return Modify([&settings](Settings& current) { current = settings; });
  }
  absl::Status SetPolicy(absl::string_view name) override {
    return Modify([name](Settings& current) { current.policy = std::string(name); });
  }
  absl::Status SetWeights(const WeightMap& weights) override {
    return Modify([&weights](Settings& current) { current.weights = weights; });
  }

  absl::Status Drain(absl::string_view backend) override {
    const auto found = Find(backend);
    if (!found.ok()) return found.status();
    Await(Change(
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { wishes_.drained.insert(found->name); }));
    return absl::OkStatus();
  }

  absl::Status Undrain(absl::string_view backend) override {
    const auto found = Find(backend);
    if (!found.ok()) return found.status();
    Await(Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      wishes_.drained.erase(found->name);
      wishes_.drained.erase(found->address);
    }));
    return absl::OkStatus();
  }

  bool AwaitReady(absl::Duration timeout) const override {
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return ReadyCount(*latest_) > 0;
    };
    const absl::MutexLock lock(&mutex_);
    return turned_.Await(&mutex_, timeout, ready);
  }

  absl::Status AwaitWeightNames(absl::Duration timeout) const override {
    const auto known = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return CheckWeightNames(wishes_.settings.weights, WeightNames(*latest_)).ok();
    };
    const absl::MutexLock lock(&mutex_);
    if (turned_.Await(&mutex_, timeout, known)) return absl::OkStatus();
    const bool asked = options_.generic ? !latest_->backends.empty() : latest_->cluster_id != 0;
    if (!asked) return absl::OkStatus();
    return CheckWeightNames(wishes_.settings.weights, WeightNames(*latest_));
  }

 private:
  // Makes a change under the lock, wakes the loop and returns the generation that will contain it.
  template <class F>
  uint64_t Change(F change) {
    uint64_t generation = 0;
    {
      const absl::MutexLock lock(&mutex_);
      change();
      generation = ++wanted_;
    }
    board_.Wake();
    return generation;
  }

  // Until the loop has built and published that generation.
  void Await(uint64_t generation) const {
    const auto built = [this, generation]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return built_ >= generation || stopping_;
    };
    const absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&built));
  }

  template <class F>
  absl::Status Modify(F change) {
    absl::Status status;
    const uint64_t generation = Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      Settings changed = wishes_.settings;
      change(changed);
      status = CheckSettings(changed);
      // Only new names: weights outlive the members they name, and these must not block the rest.
      WeightMap added = changed.weights;
      for (const auto& [name, weight] : wishes_.settings.weights) added.erase(name);
      if (status.ok()) status = CheckWeightNames(added, WeightNames(*latest_));
      if (status.ok()) wishes_.settings = std::move(changed);
    });
    if (status.ok()) Await(generation);
    return status;
  }

  absl::StatusOr<Backend> Find(absl::string_view name) const {
    const auto current = view();
    for (const Backend& backend : current->backends) {
      if (Names(backend, name)) return backend;
    }
    return absl::NotFoundError(absl::StrCat("unknown backend \"", name, "\"; there are: ",
                                            absl::StrJoin(BackendNames(*current), ", ")));
  }

  void OnResolved(const absl::StatusOr<std::vector<std::string>>& found) {
    if (!found.ok()) {
      log_->Warn("backends not resolved").With("error", found.status().message());
      return;
    }
    Change([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { wishes_.seeds = *found; });
  }

  void Run() {
    for (;;) {
      board_.WaitForChange(options_.tick);
      {
        const absl::MutexLock lock(&mutex_);
        if (stopping_) return;
      }
      Step();
    }
  }

  // One turn of the loop: read, compute, act.
  void Step() {
    Wishes wishes;
    Publish publish;
    uint64_t generation = 0;
    {
      const absl::MutexLock lock(&mutex_);
      wishes = wishes_;
      publish = publish_;
      generation = wanted_;
    }
    const FactsByAddress facts = board_.facts();
    std::shared_ptr<const View> view = keeper_.Turn(wishes, facts, clock_->Monotonic());
    Follow(AddressesToFollow(keeper_.cluster(), facts, wishes.seeds));

    const bool routing_changed = published_ == nullptr || published_->version != view->version;
    if (routing_changed) LogTransitions(published_.get(), *view, *log_);
    if (publish != nullptr && (routing_changed || !handed_over_)) {
      publish(view);
      handed_over_ = true;
    }
    if (routing_changed) published_ = view;
    const absl::MutexLock lock(&mutex_);
    latest_ = std::move(view);
    built_ = generation;
    turned_.SignalAll();
  }

  void Follow(const std::vector<std::string>& addresses) {
    const std::set<std::string> wanted(addresses.begin(), addresses.end());
    std::erase_if(followers_, [&](const auto& f) { return wanted.count(f.first) == 0; });
    board_.Keep(addresses);
    for (const std::string& address : addresses) {
      std::unique_ptr<Follower>& follower = followers_[address];
      if (follower == nullptr) {
        FollowerOptions options = options_.follower;
        options.generic = options_.generic;
        follower = Follower::Start(address, options, &board_, clock_);
      } else {
        follower->Tick();
      }
    }
  }

  const ControlOptions options_;
  Log* const log_;
  const Clock* const clock_;
  FactBoard board_;

  // The loop's own.
  ViewKeeper keeper_;
  std::map<std::string, std::unique_ptr<Follower>> followers_;
  std::shared_ptr<const View> published_;
  bool handed_over_ = false;

  mutable absl::Mutex mutex_;
  mutable SteadyCondVar turned_;  // the loop has
  Wishes wishes_ ABSL_GUARDED_BY(mutex_);
  Publish publish_ ABSL_GUARDED_BY(mutex_);
  uint64_t wanted_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t built_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const View> latest_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<SeedResolver> resolver_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Control> Control::Start(ControlOptions options, Log* log, const Clock* clock) {
  return std::make_unique<LoopControl>(std::move(options), log, clock);
}

}  // namespace synod::balancer
