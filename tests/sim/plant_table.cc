#include "tests/sim/plant_table.h"

#include <sys/resource.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "absl/strings/str_format.h"
#include "tests/sim/shrink.h"

namespace synod::sim {
namespace {

// Of the processes that have been waited for.
absl::Duration CpuOfChildren() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

}  // namespace

Catch CatchPlant(Plant plant, uint64_t last) {
  const absl::Duration before = CpuOfChildren();
  Catch found;
  for (uint64_t seed = 1; seed <= last && found.seed == 0; ++seed) {
    found.rule = RunApart({seed, plant, std::nullopt});
    if (!found.rule.empty()) found.seed = seed;
  }
  found.cpu = CpuOfChildren() - before;
  return found;
}

bool PrintPlantTable(uint64_t last, std::ostream& out) {
  out << "| planted bug | what is wrong | seed | caught by | CPU s |\n|---|---|---|---|---|\n";
  std::vector<absl::Duration> times;
  for (const PlantInfo& info : Plants()) {
    const Catch found = CatchPlant(info.plant, last);
    const std::string seed = found.seed == 0 ? "never" : absl::StrFormat("%d", found.seed);
    out << absl::StrFormat("| `%s` | %s | %s | %s | %.1f |", info.name, info.what, seed, found.rule,
                           absl::ToDoubleSeconds(found.cpu))
        << std::endl;
    if (found.seed != 0) times.push_back(found.cpu);
  }
  std::sort(times.begin(), times.end());
  if (times.empty()) return false;
  out << absl::StrFormat("%d of %d caught within %d seeds; median %.1f CPU s, slowest %.1f\n",
                         times.size(), Plants().size(), last,
                         absl::ToDoubleSeconds(times[times.size() / 2]),
                         absl::ToDoubleSeconds(times.back()));
  return times.size() == Plants().size();
}

}  // namespace synod::sim
