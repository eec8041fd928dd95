#include "common/metrics/exposition.h"

#include <prometheus/text_serializer.h>

#include <utility>

namespace synod {

HttpHandler MetricsHandler(std::shared_ptr<const prometheus::Collectable> collectable) {
  return [collectable = std::move(collectable)](const HttpRequest&) {
    return HttpResponse{200, "text/plain; version=0.0.4; charset=utf-8",
                        prometheus::TextSerializer().Serialize(collectable->Collect())};
  };
}

}  // namespace synod
