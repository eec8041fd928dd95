#include "tests/unit/house/wall_clock.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace synod::house {
namespace {

struct Way {
  const char* text;  // as it stands in a line
  const char* what;
};

// Abseil of Debian 12 waits until a point of the wall clock (common/steady_wait.h).
constexpr std::array kWays = {
    Way{"absl::Now(", "reads it"},
    Way{"GetCurrentTimeNanos", "reads it"},
    Way{"Wall(", "reads it"},
    Way{"system_clock", "reads it"},
    Way{"high_resolution_clock", "reads it"},
    Way{"CLOCK_REALTIME", "reads it"},
    Way{"gettimeofday", "reads it"},
    Way{"std::time(", "reads it"},
    Way{"time(nullptr", "reads it"},
    Way{"AwaitWithTimeout(", "waits by it"},
    Way{"AwaitWithDeadline(", "waits by it"},
    Way{"WhenWithTimeout(", "waits by it"},
    Way{"WhenWithDeadline(", "waits by it"},
    Way{"NotificationWithTimeout(", "waits by it"},
    Way{"NotificationWithDeadline(", "waits by it"},
};

// Files or folders that may, and why.
constexpr std::array kUsers = {
    "common/clock.h",                    // the seam itself
    "services/rpc/",                     // gRPC's deadlines are points of that clock
    "services/ctl/",                     // likewise
    "balancer/control/subscription.h",   // likewise
    "balancer/control/admin_server.cc",  // likewise
    "balancer/proxy/proxy.cc",           // seeds a generator
};

bool MayUse(const std::string& path) {
  return std::any_of(kUsers.begin(), kUsers.end(),
                     [&path](const char* user) { return path.starts_with(user); });
}

}  // namespace

std::vector<std::string> WallClockUses(const SourceTree& tree) {
  std::vector<std::string> found;
  for (const auto& [path, text] : tree) {
    if (MayUse(path)) continue;
    std::istringstream lines(text);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      const std::string code = line.substr(0, line.find("//"));
      for (const Way& way : kWays) {
        if (code.find(way.text) == std::string::npos) continue;
        found.push_back(path + ":" + std::to_string(number) + ": " + way.text + " " + way.what);
      }
    }
  }
  return found;
}

}  // namespace synod::house
