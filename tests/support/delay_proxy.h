// A TCP relay that delays what passes through it: a slow network, or a slow machine, from outside.
//
// One thread relays every connection. Bytes keep their order and leave `delay` after they came, in
// the direction to the server; answers pass at once. Throughput is not limited.
#ifndef SYNOD_TESTS_SUPPORT_DELAY_PROXY_H_
#define SYNOD_TESTS_SUPPORT_DELAY_PROXY_H_

#include <atomic>
#include <string>
#include <thread>

#include "absl/time/time.h"

namespace synod::testing {

class DelayProxy {
 public:
  // Listens on 127.0.0.1:`port` and relays to 127.0.0.1:`target_port`.
  DelayProxy(int port, int target_port);
  ~DelayProxy();
  DelayProxy(const DelayProxy&) = delete;
  DelayProxy& operator=(const DelayProxy&) = delete;

  // Of what arrives from now on. Callable from any thread.
  void SetDelay(absl::Duration delay);

  // The connections of now stay open and carry nothing any more, as after packets were dropped for
  // long; new ones work. Callable from any thread; takes effect with the next bytes.
  void Freeze() { freeze_ = true; }

 private:
  void Run();

  const int target_port_;
  int listener_ = -1;
  int stop_event_ = -1;
  std::atomic<int64_t> delay_us_{0};
  std::atomic<bool> freeze_{false};
  std::thread thread_;
};

}  // namespace synod::testing

#endif  // SYNOD_TESTS_SUPPORT_DELAY_PROXY_H_
