// The flags of synod-balancer, and what they mean once checked.
#ifndef SYNOD_BALANCER_OPTIONS_H_
#define SYNOD_BALANCER_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "balancer/control/settings.h"
#include "balancer/proxy/proxy.h"
#include "common/config/flags.h"
#include "common/log/log.h"
#include "common/url/url.h"

namespace synod::balancer {

// As given, with the defaults.
struct FlagValues {
  std::string listen = "127.0.0.1:2379";
  std::string admin_listen = "127.0.0.1:2381";
  std::string admin_grpc_listen = "127.0.0.1:2382";
  std::string backends;
  std::string policy = "round_robin";
  std::string weights;
  std::string write_routing = "leader";
  bool generic = false;
  int threads = 0;
  absl::Duration drain_timeout = absl::Seconds(10);
  std::string log_level = "info";
  std::string log_format = "text";
};

void AddFlags(Flags& flags, FlagValues* values);

struct Options {
  ProxyOptions proxy;
  HostPort admin_listen;
  HostPort admin_grpc_listen;
  Seeds seeds;
  Settings settings;
  bool generic = false;
  LogOptions log;
};

// InvalidArgument, naming the flag, for what can be told to be wrong without starting anything.
absl::StatusOr<Options> CheckFlags(const FlagValues& values);

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_OPTIONS_H_
