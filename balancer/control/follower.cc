#include "balancer/control/follower.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "balancer/control/subscription.h"
#include "common/url/url.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "synod/cluster/v1/cluster.grpc.pb.h"

namespace synod::balancer {
namespace {

namespace cluster = synod::cluster::v1;
namespace health = grpc::health::v1;

NodeView FromProto(const cluster::View& message) {
  NodeView view;
  view.cluster_id = message.cluster_id();
  view.member_id = message.member_id();
  view.name = message.name();
  for (const cluster::Member& from : message.members()) {
    Member member;
    member.id = from.id();
    member.name = from.name();
    member.learner = from.learner();
    for (const std::string& text : from.client_urls()) {
      const auto url = ParseUrl(text);
      if (url.ok()) member.client_addresses.push_back(url->address.ToString());
    }
    view.members.push_back(std::move(member));
  }
  view.configuration_version = message.configuration_version();
  view.leader_id = message.leader_id();
  view.leader_ballot = {message.leader_ballot().round(), message.leader_ballot().node()};
  view.applied_slot = message.applied_slot();
  view.quorum_contact_age = absl::Milliseconds(message.quorum_contact_age_ms());
  if (message.has_load()) {
    view.cpu_utilization = message.load().cpu_utilization();
    view.requests_per_second = message.load().requests_per_second();
    view.errors_per_second = message.load().errors_per_second();
  }
  return view;
}

std::shared_ptr<grpc::Channel> Connect(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A node that restarts should be back within a second, so the back-off stays short; and channels
  // must not share connections, or two followers of one node would share their fate.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Backends are reached directly, as calls are, whatever the environment says about proxies.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

// gRPC's "failed to connect to all addresses; last error: UNKNOWN: ipv4:...: Failed to connect to
// remote host: Connection refused" says what matters at its end.
std::string Problem(const grpc::Status& status) {
  const std::string message = status.error_message();
  const size_t colon = message.rfind(": ");
  const std::string cause = colon == std::string::npos ? message : message.substr(colon + 2);
  // A server that shuts down cancels its streams.
  const bool ended = status.ok() || status.error_code() == grpc::StatusCode::CANCELLED;
  if (ended || cause.empty()) return "the connection was closed";
  return absl::StrCat("cannot be reached: ", cause);
}

std::chrono::milliseconds ToChrono(absl::Duration duration) {
  return absl::ToChronoMilliseconds(duration);
}

class GrpcFollower final : public Follower {
 public:
  GrpcFollower(std::string address, FollowerOptions options, FactBoard* board, const Clock* clock)
      : address_(std::move(address)), options_(options), board_(board), clock_(clock) {
    Reconnect();
  }

  void Tick() override {
    const absl::Duration now = clock_->Monotonic();
    if (heard_.exchange(false)) heard_at_ = now;
    if (now - heard_at_ > options_.silence_limit) {
      Reconnect();
      heard_at_ = now;
    }
    if (!options_.generic &&
        Due(view_stream_ == nullptr || view_stream_->ended(), view_due_, now)) {
      view_due_ = now + options_.retry_interval;
      FollowView();
    }
    if (!has_watch_) health_stream_.reset();
    if ((options_.generic || !has_watch_) &&
        Due(check_ == nullptr || check_->ended(), check_due_, now)) {
      check_due_ = now + options_.check_interval;
      CheckHealth();
    }
    if (has_watch_ && Due(health_stream_ == nullptr || health_stream_->ended(), health_due_, now)) {
      health_due_ = now + options_.retry_interval;
      WatchHealth();
    }
  }

 private:
  static bool Due(bool idle, absl::Duration due, absl::Duration now) { return idle && now >= due; }

  // Also the way out of a connection whose packets were dropped for a while: TCP may be minutes
  // from trying again, and a new stream on it would be as mute as the old.
  void Reconnect() {
    reconnecting_ = true;
    view_stream_.reset();
    health_stream_.reset();
    check_.reset();
    reconnecting_ = false;
    const auto channel = Connect(address_);
    cluster_ = cluster::Cluster::NewStub(channel);
    health_ = health::Health::NewStub(channel);
  }

  void FollowView() {
    view_request_.set_interval_ms(
        static_cast<uint32_t>(absl::ToInt64Milliseconds(options_.view_interval)));
    view_stream_.reset();  // The old one has ended; its context cannot be used again.
    view_stream_ = std::make_unique<Subscription<cluster::View>>(
        [this](grpc::ClientContext* context, grpc::ClientReadReactor<cluster::View>* reactor) {
          cluster_->async()->WatchView(context, &view_request_, reactor);
        },
        [this](const cluster::View& message) {
          heard_ = true;
          const absl::Duration now = clock_->Monotonic();
          board_->Update(address_, [&](BackendFacts& facts) {
            facts.connected = true;
            facts.problem.clear();
            facts.speaks_cluster = true;
            facts.view = FromProto(message);
            facts.heard_at = now;
          });
        },
        [this](const grpc::Status& status) {
          heard_ = true;
          board_->Update(address_, [&](BackendFacts& facts) {
            facts.speaks_cluster = status.error_code() != grpc::StatusCode::UNIMPLEMENTED;
            facts.connected = !facts.speaks_cluster;
            facts.problem = facts.connected ? "" : WhyEnded(status);
          });
        });
  }

  void WatchHealth() {
    health_stream_.reset();
    health_stream_ = std::make_unique<Subscription<health::HealthCheckResponse>>(
        [this](grpc::ClientContext* context,
               grpc::ClientReadReactor<health::HealthCheckResponse>* reactor) {
          health_->async()->Watch(context, &health_request_, reactor);
        },
        [this](const health::HealthCheckResponse& response) { Report(response); },
        [this](const grpc::Status& status) {
          if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
            has_watch_ = false;
          } else {
            ReportUnreachable(status);
          }
        });
  }

  void CheckHealth() {
    check_.reset();
    check_ = std::make_unique<PendingCall<health::HealthCheckResponse>>(
        [this](grpc::ClientContext* context, health::HealthCheckResponse* response, auto on_end) {
          health_->async()->Check(context, &health_request_, response, std::move(on_end));
        },
        ToChrono(options_.check_timeout),
        [this](const grpc::Status& status, const health::HealthCheckResponse& response) {
          // The view stream speaks for a node even while its checks are answered.
          if (options_.generic && status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED) {
            heard_ = true;
          }
          if (status.ok()) {
            Report(response);
          } else if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) {
            ReportHealth(std::nullopt);
          } else {
            ReportUnreachable(status);
          }
        });
  }

  void Report(const health::HealthCheckResponse& response) {
    ReportHealth(response.status() == health::HealthCheckResponse::SERVING ? Health::kServing
                                                                           : Health::kNotServing);
  }

  // nullopt: it answered, but cannot tell.
  void ReportHealth(std::optional<Health> state) {
    board_->Update(address_, [&](BackendFacts& facts) {
      if (state) facts.health = *state;
      // With a view stream, that one tells whether the node is connected.
      if (!options_.generic) return;
      facts.connected = true;
      facts.problem.clear();
    });
  }

  void ReportUnreachable(const grpc::Status& status) {
    board_->Update(address_, [&](BackendFacts& facts) {
      facts.health = Health::kUnknown;
      if (!options_.generic) return;
      facts.connected = false;
      facts.problem = WhyEnded(status);
    });
  }

  std::string WhyEnded(const grpc::Status& status) const {
    return reconnecting_ ? "fell silent; connecting anew" : Problem(status);
  }

  const std::string address_;
  const FollowerOptions options_;
  FactBoard* const board_;
  const Clock* const clock_;
  std::unique_ptr<cluster::Cluster::Stub> cluster_;
  std::unique_ptr<health::Health::Stub> health_;

  cluster::WatchViewRequest view_request_;
  const health::HealthCheckRequest health_request_;  // "": the whole server
  std::atomic<bool> has_watch_{true};
  std::atomic<bool> heard_{true};          // since the last Tick
  std::atomic<bool> reconnecting_{false};  // what ends meanwhile was ended here
  absl::Duration heard_at_;
  absl::Duration view_due_ = -absl::InfiniteDuration();
  absl::Duration health_due_ = -absl::InfiniteDuration();
  absl::Duration check_due_ = -absl::InfiniteDuration();

  // Last, so that they end before what their callbacks use.
  std::unique_ptr<Subscription<cluster::View>> view_stream_;
  std::unique_ptr<Subscription<health::HealthCheckResponse>> health_stream_;
  std::unique_ptr<PendingCall<health::HealthCheckResponse>> check_;
};

}  // namespace

std::unique_ptr<Follower> Follower::Start(const std::string& address,
                                          const FollowerOptions& options, FactBoard* board,
                                          const Clock* clock) {
  auto follower = std::make_unique<GrpcFollower>(address, options, board, clock);
  follower->Tick();
  return follower;
}

}  // namespace synod::balancer
