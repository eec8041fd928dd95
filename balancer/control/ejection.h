// Ejection: a backend that looks healthy but fails calls one after the other gets none for a while.
//
// After gRPC's proposal A50, with its parts that work for three to five replicas: consecutive
// failures, and a time out that grows with each ejection and shrinks while all is well. Its success
// rate rule is left out: among n backends a deviant lies sqrt(n-1) deviations off whatever it does,
// so the rule never ejects at three or four and always at five. Its share of at most 10 % becomes:
// never below MinimumInUse.
//
// Thread-safety: one owner.
#ifndef SYNOD_BALANCER_CONTROL_EJECTION_H_
#define SYNOD_BALANCER_CONTROL_EJECTION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "balancer/view/backend_stats.h"

namespace synod::balancer {

struct EjectionOptions {
  uint32_t consecutive_failures = 5;
  absl::Duration base_time = absl::Seconds(5);  // times the multiplier
  absl::Duration max_time = absl::Minutes(5);
  absl::Duration forgive_interval = absl::Seconds(10);  // of health, per step of the multiplier
};

class Ejection {
 public:
  explicit Ejection(EjectionOptions options = {}) : options_(options) {}

  // A backend that would be ready were it not for ejection.
  struct Candidate {
    std::string address;
    std::shared_ptr<BackendStats> stats;
  };

  // Lets those back in whose time is over, then ejects the worst first while more than
  // `minimum_in_use` stay. Forgets addresses that are not among the candidates.
  void Sweep(const std::vector<Candidate>& candidates, size_t minimum_in_use, absl::Duration now);

  bool IsEjected(const std::string& address) const;

 private:
  struct Record {
    bool ejected = false;
    absl::Duration until;       // when ejected
    absl::Duration forgive_at;  // when not: one step of the multiplier less
    int multiplier = 0;
  };

  void LetIn(Record& record, BackendStats& stats, absl::Duration now);

  EjectionOptions options_;
  std::map<std::string, Record> records_;
};

}  // namespace synod::balancer

#endif  // SYNOD_BALANCER_CONTROL_EJECTION_H_
