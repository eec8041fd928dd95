#include "balancer/control/settings.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "balancer/policies/policy.h"

namespace synod::balancer {
namespace {

constexpr uint32_t kMaxWeight = 1000;
constexpr absl::string_view kDnsScheme = "dns:///";

absl::StatusOr<HostPort> ParseBackendAddress(absl::string_view text) {
  auto address = ParseHostPort(text);
  if (address.ok() && address->port == 0) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" needs a port above 0"));
  }
  return address;
}

}  // namespace

absl::StatusOr<Seeds> ParseSeeds(absl::string_view text) {
  Seeds seeds;
  if (absl::StartsWith(text, kDnsScheme)) {
    auto name = ParseBackendAddress(absl::StripPrefix(text, kDnsScheme));
    if (!name.ok()) return name.status();
    seeds.dns = *std::move(name);
    return seeds;
  }
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    auto address = ParseBackendAddress(absl::StripAsciiWhitespace(item));
    if (!address.ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          address.status().message(), "; backends are host:port,host:port or dns:///name:port"));
    }
    seeds.addresses.push_back(address->ToString());
  }
  std::sort(seeds.addresses.begin(), seeds.addresses.end());
  const auto twice = std::adjacent_find(seeds.addresses.begin(), seeds.addresses.end());
  if (twice != seeds.addresses.end()) {
    return absl::InvalidArgumentError(absl::StrCat("\"", *twice, "\" is listed twice"));
  }
  return seeds;
}

absl::StatusOr<WeightMap> ParseWeights(absl::string_view text) {
  WeightMap weights;
  if (absl::StripAsciiWhitespace(text).empty()) return weights;
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    // The last '=', though no name has one: the number is what must parse.
    const size_t equals = item.rfind('=');
    uint32_t weight = 0;
    const absl::string_view name = absl::StripAsciiWhitespace(item.substr(0, equals));
    if (equals == absl::string_view::npos || name.empty() ||
        !absl::SimpleAtoi(item.substr(equals + 1), &weight) || weight > kMaxWeight) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", item, "\" is not a weight; weights are name=N,name=N with N from 0 to ",
          kMaxWeight));
    }
    if (!weights.emplace(std::string(name), weight).second) {
      return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" has two weights"));
    }
  }
  return weights;
}

absl::StatusOr<WriteRouting> ParseWriteRouting(absl::string_view text) {
  if (text == "leader") return WriteRouting::kLeader;
  if (text == "policy") return WriteRouting::kPolicy;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown write routing \"", text, "\"; there are: leader, policy"));
}

absl::string_view WriteRoutingName(WriteRouting routing) {
  return routing == WriteRouting::kLeader ? "leader" : "policy";
}

absl::Status CheckWeightNames(const WeightMap& weights, const std::vector<std::string>& known) {
  for (const auto& [name, weight] : weights) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("weight for unknown backend \"", name,
                     "\"; leave it out, or name one of: ", absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::Status CheckSettings(const Settings& settings) {
  for (const auto& [name, weight] : settings.weights) {
    if (weight > kMaxWeight) {
      return absl::InvalidArgumentError(
          absl::StrCat("weight ", weight, " of \"", name, "\" is above ", kMaxWeight));
    }
  }
  return MakePolicy(settings.policy).status();
}

std::vector<std::string> KeysForRestart(const std::map<std::string, std::string>& before,
                                        const std::map<std::string, std::string>& after) {
  std::set<std::string> changed;
  for (const auto& [these, others] : {std::pair{&before, &after}, std::pair{&after, &before}}) {
    for (const auto& [key, value] : *these) {
      const auto other = others->find(key);
      if (other == others->end() || other->second != value) changed.insert(key);
    }
  }
  for (const char* at_once : {"policy", "weights", "write-routing"}) changed.erase(at_once);
  return {changed.begin(), changed.end()};
}

absl::StatusOr<Settings> WithFileValues(Settings current,
                                        const std::map<std::string, std::string>& values) {
  if (const auto policy = values.find("policy"); policy != values.end()) {
    current.policy = policy->second;
  }
  if (const auto text = values.find("weights"); text != values.end()) {
    auto weights = ParseWeights(text->second);
    if (!weights.ok()) return weights.status();
    current.weights = *std::move(weights);
  }
  if (const auto text = values.find("write-routing"); text != values.end()) {
    auto routing = ParseWriteRouting(text->second);
    if (!routing.ok()) return routing.status();
    current.write_routing = *routing;
  }
  if (auto status = CheckSettings(current); !status.ok()) return status;
  return current;
}

}  // namespace synod::balancer
