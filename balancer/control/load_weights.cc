#include "balancer/control/load_weights.h"

#include <algorithm>
#include <cmath>
#include <utility>

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
  Publish(now);
}

void LoadWeights::Publish(absl::Duration now) {
  auto scaled = Scaled(now);
  const bool same =
      std::equal(scaled.begin(), scaled.end(), weights_.begin(), weights_.end(),
                 [](const auto& a, const auto& b) {
                   const double before = b.second;
                   return a.first == b.first && std::abs(a.second - before) <= kNoise * before;
                 });
  if (!same) weights_ = std::move(scaled);
}

std::map<std::string, uint32_t> LoadWeights::Scaled(absl::Duration now) const {
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
  std::map<std::string, uint32_t> weights;
  if (count < 2) return weights;
  for (const auto& [address, report] : reports_) {
    if (!usable(report)) continue;
    const double scaled = report.weight / (sum / count) * kMean;
    weights[address] = static_cast<uint32_t>(std::lround(std::clamp(scaled, kFloor, kCap)));
  }
  return weights;
}

}  // namespace synod::balancer
