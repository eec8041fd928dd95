// The store as one engine snapshot shows it.
#ifndef SYNOD_SERVICES_KV_READ_VIEW_H_
#define SYNOD_SERVICES_KV_READ_VIEW_H_

#include <atomic>
#include <memory>

#include "services/kv/state_machine.h"
#include "services/kv/types.h"
#include "services/storage/engine.h"

namespace synod::kv {

// Takes a snapshot; what it shows, the state record included, is one whole Apply. A snapshot that
// cannot be read gives a view whose every answer is kCorrupt. `dropped`: see EngineVersions.
std::shared_ptr<const ReadView> OpenView(storage::Engine& engine,
                                         std::shared_ptr<const std::atomic<Revision>> dropped);

}  // namespace synod::kv

#endif  // SYNOD_SERVICES_KV_READ_VIEW_H_
