// doctor: looks at every endpoint and at what they say of one another; says what is wrong and what
// to do about it.
#include <CLI/CLI.hpp>
#include <cstdint>
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

// Where to ask a member itself: through a balancer the endpoint is nobody in particular. Empty when
// it has told nobody.
std::string EndpointOf(const cluster::v1::Member& member) {
  if (member.client_urls_size() == 0) return "";
  const std::string& url = member.client_urls(0);
  const size_t scheme = url.find("://");
  return scheme == std::string::npos ? url : url.substr(scheme + 3);
}

class Examination {
 public:
  explicit Examination(const Session& session) : session_(session) {}

  ExitCode Run() {
    for (const std::string& endpoint : session_.endpoints()) {
      const auto view = ViewOf(session_, endpoint);
      if (view.ok()) {
        NoteMembers(*view);
        continue;
      }
      Complain(absl::StrCat(endpoint, " does not answer (", view.status().message(),
                            "); start it, or correct --endpoints"));
    }
    for (const auto& [id, member] : members_) Visit(id, member);
    Compare();
    for (const auto& [endpoint, view] : views_) {
      if (AskForAlarms(endpoint)) break;  // one answer speaks for all
    }
    if (members_.empty() && healthy_) {
      Complain("nobody knows a member; name nodes that run with --endpoints");
    }
    if (!healthy_) return kUnhealthy;
    std::cout << "healthy: " << views_.size() << " of " << members_.size()
              << " members answer and agree\n";
    return kOk;
  }

 private:
  void Complain(const std::string& text) {
    healthy_ = false;
    std::cout << "problem: " << text << "\n";
  }

  struct Member {
    std::string name;
    std::string endpoint;
  };

  // Members by id; a view that knows more of one adds it.
  void NoteMembers(const cluster::v1::View& view) {
    for (const auto& one : view.members()) {
      Member& member = members_[one.id()];
      if (member.name.empty()) member.name = one.name();
      if (member.endpoint.empty()) member.endpoint = EndpointOf(one);
    }
  }

  void Visit(uint64_t id, const Member& member) {
    const std::string& endpoint = member.endpoint;
    if (endpoint.empty()) {
      const std::string name =
          member.name.empty() ? absl::StrCat("member ", absl::Hex(id)) : member.name;
      Complain(absl::StrCat(name,
                            " has told nobody where clients reach it: it is down, or has been ",
                            "since the others started; start it"));
      return;
    }
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

  // Members of two clusters, and members far behind.
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
  std::map<uint64_t, Member> members_;
  std::map<std::string, cluster::v1::View> views_;  // by endpoint
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
