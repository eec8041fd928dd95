// A way around a fault of Debian's gRPC 1.51.
//
// All that is written against gRPC's callback API shares one completion queue, which gRPC ends with
// the last server or channel that uses it, and begins anew with the next one. Ending it is a race:
// now and then a thread of the queue lets go of it once too often, and the process aborts in
// ref_counted.h ("assertion failed: prior > 0").
#ifndef SYNOD_COMMON_GRPC_CALLBACK_QUEUE_H_
#define SYNOD_COMMON_GRPC_CALLBACK_QUEUE_H_

namespace synod {

// Keeps the queue for as long as the process lives. To be called before a server or channel of the
// callback API is made; once is enough, more do no harm. Thread-safe.
void KeepCallbackQueue();

}  // namespace synod

#endif  // SYNOD_COMMON_GRPC_CALLBACK_QUEUE_H_
