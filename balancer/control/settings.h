// What an operator sets: where the backends are, and what may change while the balancer runs.
//
// Pure: text in, values or InvalidArgument out. Every error quotes the text and says what is
// allowed.
#ifndef SYNOD_BALANCER_CONTROL_SETTINGS_H_
#define SYNOD_BALANCER_CONTROL_SETTINGS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "balancer/view/view.h"
#include "common/url/url.h"

namespace synod::balancer {

// By node name or address. Zero: no calls while another backend has a weight.
using WeightMap = std::map<std::string, uint32_t>;

// Changeable at run time, by the admin interface or SIGHUP.
struct Settings {
  std::string policy = "round_robin";
  WriteRouting write_routing = WriteRouting::kLeader;
  WeightMap weights;  // empty: `weighted` uses the load that nodes report
};

// Where to begin: fixed addresses, or a name that is resolved again and again.
struct Seeds {
  std::vector<std::string> addresses;  // host:port, sorted
  std::optional<HostPort> dns;
};

// "host:port,host:port" or "dns:///name:port".
absl::StatusOr<Seeds> ParseSeeds(absl::string_view text);

// "n1=5,n2=3"; empty text: no weights. At most 1000 each, so that a round stays short.
absl::StatusOr<WeightMap> ParseWeights(absl::string_view text);

// "leader" or "policy".
absl::StatusOr<WriteRouting> ParseWriteRouting(absl::string_view text);
absl::string_view WriteRoutingName(WriteRouting routing);

// Ok when each weight names one of `known`; otherwise InvalidArgument with the first that does not
// and the names there are.
absl::Status CheckWeightNames(const WeightMap& weights, const std::vector<std::string>& known);

// Ok, or InvalidArgument for a policy that does not exist or a weight out of range.
absl::Status CheckSettings(const Settings& settings);

// `current` with what the configuration file says about it: the keys policy, weights and
// write-routing. Other keys need a restart and are not looked at here.
absl::StatusOr<Settings> WithFileValues(Settings current,
                                        const std::map<std::string, std::string>& values);

// The other keys whose values differ between the file as it was and as it is, sorted.
std::vector<std::string> KeysForRestart(const std::map<std::string, std::string>& before,
                                        const std::map<std::string, std::string>& after);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_SETTINGS_H_
