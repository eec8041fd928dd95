// doctor: looks at every endpoint and at what they say of one another; says what is wrong and what
// to do about it.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "etcd/maintenance.grpc.pb.h"
#include "services/ctl/commands.h"
#include "services/ctl/node_view.h"

namespace synod::ctl {
namespace {

constexpr uint64_t kQuorumAgeMs = 3000;
constexpr uint64_t kLagSlots = 1000;

// Every voter that some node knows of, asked at its own address: through a balancer the endpoint
// itself is nobody in particular.
std::vector<std::string> MemberEndpoints(const cluster::v1::View& view) {
  std::vector<std::string> endpoints;
  for (const auto& member : view.members()) {
    if (member.client_urls_size() == 0) continue;
    const std::string& url = member.client_urls(0);
    const size_t scheme = url.find("://");
    endpoints.push_back(scheme == std::string::npos ? url : url.substr(scheme + 3));
  }
  return endpoints;
}

class Examination {
 public:
  explicit Examination(const Session& session) : session_(session) {}

  ExitCode Run() {
    std::set<std::string> members;
    for (const std::string& endpoint : session_.endpoints()) {
      const auto view = ViewOf(session_, endpoint);
      if (!view.ok()) {
        Complain(absl::StrCat(endpoint, " does not answer (", view.status().message(),
                              "); start it, or correct --endpoints"));
        continue;
      }
      for (const std::string& member : MemberEndpoints(*view)) members.insert(member);
    }
    for (const std::string& member : members) Visit(member);
    Compare();
    for (const std::string& member : members) {
      if (AskForAlarms(member)) break;  // one answer speaks for all
    }
    if (!healthy_) return kUnhealthy;
    std::cout << "healthy: " << views_.size() << " of " << members.size()
              << " members answer and agree\n";
    return views_.empty() ? kUnhealthy : kOk;
  }

 private:
  void Complain(const std::string& text) {
    healthy_ = false;
    std::cout << "problem: " << text << "\n";
  }

  void Visit(const std::string& endpoint) {
    const auto view = ViewOf(session_, endpoint);
    if (!view.ok()) {
      Complain(absl::StrCat("member at ", endpoint, " does not answer (", view.status().message(),
                            "); start it: the cluster stops when a majority is down"));
      return;
    }
    views_[endpoint] = *view;
    const std::string who = absl::StrCat(view->name(), " (", endpoint, ")");
    if (view->leader_id() == 0) {
      Complain(absl::StrCat(who,
                            " knows no leader; check that a majority runs and that peers reach ",
                            "one another on their peer ports"));
    } else if (view->quorum_contact_age_ms() > kQuorumAgeMs) {
      Complain(absl::StrCat(who, " has not heard a quorum for ", view->quorum_contact_age_ms(),
                            " ms; check its network and its peers"));
    }
    if (view->chosen_slot() > view->applied_slot() + kLagSlots) {
      Complain(absl::StrCat(who, " applies ", view->chosen_slot() - view->applied_slot(),
                            " slots late; its disk or processor is too slow for the load"));
    }
  }

  // Two leaders at one ballot, or two clusters, must never be seen.
  void Compare() {
    std::set<uint64_t> clusters;
    uint64_t newest = 0;
    for (const auto& [endpoint, view] : views_) {
      clusters.insert(view.cluster_id());
      newest = std::max(newest, view.chosen_slot());
    }
    if (clusters.size() > 1) {
      Complain("the endpoints belong to different clusters; name the members of one");
      return;
    }
    for (const auto& [endpoint, view] : views_) {
      if (newest <= view.chosen_slot() + kLagSlots) continue;
      Complain(absl::StrCat(view.name(), " (", endpoint, ") is ", newest - view.chosen_slot(),
                            " slots behind and should be catching up; see its log if it is not"));
    }
  }

  // False when the member has no answer, as without a quorum.
  bool AskForAlarms(const std::string& endpoint) {
    const auto channel = session_.ConnectTo(endpoint);
    if (!channel.ok()) return false;
    const auto context = session_.NewContext();
    etcdserverpb::AlarmResponse response;
    if (!etcdserverpb::Maintenance::NewStub(*channel)->Alarm(context.get(), {}, &response).ok()) {
      return false;
    }
    for (const auto& alarm : response.alarms()) {
      const bool space = alarm.alarm() == etcdserverpb::NOSPACE;
      Complain(absl::StrFormat(
          "member %x raised the alarm %s: %s", alarm.memberid(),
          etcdserverpb::AlarmType_Name(alarm.alarm()),
          space ? "puts are refused until there is room on its disk and 'alarm disarm' was given"
                : "writes are refused until its data is repaired and 'alarm disarm' was given"));
    }
    return true;
  }

  const Session& session_;
  std::map<std::string, cluster::v1::View> views_;
  bool healthy_ = true;
};

}  // namespace

void AddDoctorCommand(CLI::App& app, Action& action) {
  app.add_subcommand("doctor", "Examines every member; says what is wrong and what to do")
      ->callback([&action] {
        action = [](const Session& session) { return Examination(session).Run(); };
      });
}

}  // namespace synod::ctl
