#include "balancer/control/load_weights.h"

#include <algorithm>
#include <cmath>

namespace synod::balancer {
namespace {

constexpr double kMean = 1000;
constexpr double kCap = 10 * kMean;
constexpr double kFloor = kMean / 100;

// Zero: the report says nothing.
double Weight(const NodeView& view) {
  const double qps = view.requests_per_second;
  if (!(qps > 0) || !(view.cpu_utilization > 0)) return 0;
  return qps / (view.cpu_utilization + view.errors_per_second / qps * LoadWeights::kErrorPenalty);
}

}  // namespace

void LoadWeights::Update(const FactsByAddress& facts, absl::Duration now) {
  if (now - updated_ < kPeriod) return;
  updated_ = now;
  std::erase_if(reports_, [&](const auto& report) { return facts.count(report.first) == 0; });
  for (const auto& [address, about] : facts) {
    if (!about.connected) reports_.erase(address);  // A node that returns is measured anew.
    if (!about.connected || !about.view || Weight(*about.view) <= 0) continue;
    Report& report =
        reports_.try_emplace(address, Report{about.heard_at, about.heard_at}).first->second;
    if (about.heard_at - report.last > kExpiry) report.first = about.heard_at;
    report.last = about.heard_at;
    report.weight = Weight(*about.view);
  }
  Scale(now);
}

void LoadWeights::Scale(absl::Duration now) {
  weights_.clear();
  const auto usable = [now](const Report& report) {
    return now - report.first >= kBlackout && now - report.last <= kExpiry;
  };
  double sum = 0;
  double count = 0;
  for (const auto& [address, report] : reports_) {
    if (!usable(report)) continue;
    sum += report.weight;
    ++count;
  }
  if (count < 2) return;
  for (const auto& [address, report] : reports_) {
    if (!usable(report)) continue;
    const double scaled = report.weight / (sum / count) * kMean;
    weights_[address] = static_cast<uint32_t>(std::lround(std::clamp(scaled, kFloor, kCap)));
  }
}

}  // namespace synod::balancer
