// alarm list, alarm disarm, defrag: what etcdctl does about space and damage.
#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "etcd/maintenance.grpc.pb.h"
#include "services/ctl/commands.h"
#include "services/ctl/unary_call.h"

namespace synod::ctl {
namespace {

using etcdserverpb::Maintenance;

absl::StatusOr<etcdserverpb::AlarmResponse> Alarm(
    const Session& session, const absl::StatusOr<std::shared_ptr<grpc::Channel>>& channel,
    const etcdserverpb::AlarmRequest& request) {
  return Call<Maintenance>(session, channel, &Maintenance::Stub::Alarm, request);
}

void Print(const Session& session, const etcdserverpb::AlarmResponse& response) {
  if (session.json()) return session.PrintJson(response);
  for (const auto& alarm : response.alarms()) {
    std::cout << "memberID:" << alarm.memberid()
              << " alarm:" << etcdserverpb::AlarmType_Name(alarm.alarm()) << " \n";
  }
}

ExitCode AlarmList(const Session& session) {
  const auto alarms = Alarm(session, session.Connect(), {});
  if (!alarms.ok()) return Session::Fail(alarms.status());
  Print(session, *alarms);
  return kOk;
}

// Every alarm that is raised, one by one.
ExitCode AlarmDisarm(const Session& session) {
  const auto channel = session.Connect();
  const auto alarms = Alarm(session, channel, {});
  if (!alarms.ok()) return Session::Fail(alarms.status());
  etcdserverpb::AlarmResponse disarmed;
  for (const auto& alarm : alarms->alarms()) {
    etcdserverpb::AlarmRequest request;
    request.set_action(etcdserverpb::AlarmRequest::DEACTIVATE);
    request.set_memberid(alarm.memberid());
    request.set_alarm(alarm.alarm());
    const auto one = Alarm(session, channel, request);
    if (!one.ok()) return Session::Fail(one.status());
    disarmed.MergeFrom(*one);
  }
  Print(session, disarmed);
  return kOk;
}

ExitCode Defrag(const Session& session) {
  ExitCode result = kOk;
  for (const std::string& endpoint : session.endpoints()) {
    const absl::Status status =
        Call<Maintenance>(session, session.ConnectTo(endpoint), &Maintenance::Stub::Defragment, {})
            .status();
    if (status.ok()) {
      std::cout << "Finished defragmenting etcd member[" << endpoint << "]\n";
    } else {
      std::cerr << "Failed to defragment etcd member[" << endpoint << "] (" << status.message()
                << ")\n";
      result = kError;
    }
  }
  return result;
}

}  // namespace

void AddMaintenanceCommands(CLI::App& app, Action& action) {
  auto* alarm = app.add_subcommand("alarm", "What stops writes")->require_subcommand(1);
  alarm->add_subcommand("list", "Lists the alarms that are raised")->callback([&action] {
    action = AlarmList;
  });
  alarm->add_subcommand("disarm", "Ends them all; make room first")->callback([&action] {
    action = AlarmDisarm;
  });
  app.add_subcommand("defrag",
                     "Gives the room of deleted data back, at each of --endpoints; give it a long "
                     "--command-timeout")
      ->callback([&action] { action = Defrag; });
}

}  // namespace synod::ctl
