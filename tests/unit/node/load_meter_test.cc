#include "services/node/load_meter.h"

#include <gtest/gtest.h>

namespace synod::node {
namespace {

TEST(LoadMeterTest, RatesAreOverTheLastFullInterval) {
  LoadMeter meter(2);
  EXPECT_LT(meter.Report(absl::Seconds(100), {}).cpu_utilization, 0) << "nothing known yet";
  const LoadMeter::Totals totals{absl::Seconds(2), 3000, 20};
  EXPECT_LT(meter.Report(absl::Seconds(100.5), totals).cpu_utilization, 0) << "too short a time";
  const rpc::LoadReport report = meter.Report(absl::Seconds(102), totals);
  EXPECT_DOUBLE_EQ(report.cpu_utilization, 0.5) << "one of two cores";
  EXPECT_DOUBLE_EQ(report.requests_per_second, 1500);
  EXPECT_DOUBLE_EQ(report.errors_per_second, 10);
  EXPECT_DOUBLE_EQ(meter.Report(absl::Seconds(103), totals).requests_per_second, 0);
}

TEST(LoadMeterTest, ProcessCpuTimeGrows) {
  const absl::Duration before = ProcessCpuTime();
  while (ProcessCpuTime() == before) {
  }
  EXPECT_GT(ProcessCpuTime(), before);
}

}  // namespace
}  // namespace synod::node
