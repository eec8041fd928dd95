// Renders deploy/kubernetes with `kubectl kustomize` and checks what the manifests must keep true.
// `kubectl label --local` turns the rendered YAML into JSON; it asks no server.
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace synod {
namespace {

using ::nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::SizeIs;

testing::Finished RunKubectl(std::vector<std::string> argv, std::string input = "") {
  return testing::RunToEnd(
      {.argv = std::move(argv), .environment = {{"KUBECONFIG", "/dev/null"}}, .input = input},
      absl::Seconds(30));
}

// The JSON objects that follow one another in `text`.
std::vector<json> ParseObjects(const std::string& text) {
  std::vector<json> objects;
  size_t start = 0;
  while ((start = text.find('{', start)) != std::string::npos) {
    const size_t end = text.find("\n}\n", start);
    if (end == std::string::npos) break;
    objects.push_back(json::parse(text.substr(start, end + 2 - start)));
    start = end + 3;
  }
  return objects;
}

class KubernetesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const std::string kubectl = testing::FindProgram("kubectl");
    ASSERT_NE(kubectl, "") << "kubectl is missing: deploy/packages.sh test brings Debian's";
    const auto rendered = RunKubectl({kubectl, "kustomize", SYNOD_SOURCE_DIR "/deploy/kubernetes"});
    ASSERT_EQ(rendered.exit_code, 0) << rendered.error;
    const auto printed = RunKubectl(
        {kubectl, "label", "--local", "-f", "-", "synod-test=1", "-o", "json", "--dry-run=client"},
        rendered.output);
    ASSERT_EQ(printed.exit_code, 0) << printed.error;
    for (json& object : ParseObjects(printed.output)) {
      const std::string kind = object["kind"];
      const std::string name = object["metadata"]["name"];
      objects_[kind + "/" + name] = std::move(object);
    }
  }

  void SetUp() override { ASSERT_THAT(objects_, SizeIs(10)); }

  static const json& Object(const std::string& name) {
    static const json none;
    const auto found = objects_.find(name);
    EXPECT_NE(found, objects_.end()) << name;
    return found == objects_.end() ? none : found->second;
  }

  static const json& PodOf(const std::string& workload) {
    return Object(workload)["spec"]["template"]["spec"];
  }

  static json PodLabels(const std::string& workload) {
    return Object(workload)["spec"]["template"]["metadata"]["labels"];
  }

  inline static std::map<std::string, json> objects_;
};

const char* const kWorkloads[] = {"StatefulSet/synod-node", "Deployment/synod-balancer"};

std::string ArgumentOf(const json& container, const std::string& flag) {
  for (const json& argument : container["args"]) {
    const std::string text = argument;
    if (absl::StartsWith(text, flag + "=")) return text.substr(flag.size() + 1);
  }
  return "";
}

TEST_F(KubernetesTest, EveryObjectIsInTheNamespaceThatEnforcesRestrictedPods) {
  EXPECT_EQ(Object("Namespace/synod")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"],
            "restricted");
  for (const auto& [name, object] : objects_) {
    if (name == "Namespace/synod") continue;
    EXPECT_EQ(object["metadata"]["namespace"], "synod") << name;
  }
}

TEST_F(KubernetesTest, PodsMeetTheRestrictedStandardAndHaveNoWritableRoot) {
  for (const char* workload : kWorkloads) {
    const json& pod = PodOf(workload);
    EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true) << workload;
    EXPECT_GT(pod["securityContext"]["runAsUser"], 0) << workload;
    EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault") << workload;
    EXPECT_EQ(pod["automountServiceAccountToken"], false) << workload;
    ASSERT_FALSE(pod["containers"].empty());
    for (const json& container : pod["containers"]) {
      const json& context = container["securityContext"];
      EXPECT_EQ(context["allowPrivilegeEscalation"], false) << workload;
      EXPECT_EQ(context["readOnlyRootFilesystem"], true) << workload;
      EXPECT_EQ(context["capabilities"]["drop"], json::array({"ALL"})) << workload;
      EXPECT_FALSE(container["resources"]["limits"]["memory"].is_null()) << workload;
    }
  }
}

// SYNOD_NODE_SERVICE_HOST and its like would be settings that the programs do not know.
TEST_F(KubernetesTest, ServiceLinksAreOff) {
  for (const char* workload : kWorkloads) {
    EXPECT_EQ(PodOf(workload)["enableServiceLinks"], false) << workload;
  }
}

TEST_F(KubernetesTest, EveryContainerHasThreeProbesOnItsHttpPort) {
  for (const char* workload : kWorkloads) {
    for (const json& container : PodOf(workload)["containers"]) {
      for (const char* probe : {"startupProbe", "livenessProbe", "readinessProbe"}) {
        EXPECT_THAT(container[probe]["httpGet"]["port"].get<std::string>(), HasSubstr("http-"))
            << workload << " " << probe;
      }
      EXPECT_NE(container["livenessProbe"]["httpGet"]["path"],
                container["readinessProbe"]["httpGet"]["path"])
          << workload << ": losing the quorum must not restart anything";
    }
  }
}

// The service's rules follow the end of a pod with a delay, in which it must still accept.
TEST_F(KubernetesTest, BalancersOutliveTheirEndpoints) {
  const json& pod = PodOf("Deployment/synod-balancer");
  const json& command = pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"];
  ASSERT_THAT(command, SizeIs(2));
  EXPECT_EQ(command[0], "sleep");
  EXPECT_GE(std::stoi(command[1].get<std::string>()), 3);
  EXPECT_LT(std::stoi(command[1].get<std::string>()) + 10, pod["terminationGracePeriodSeconds"])
      << "no time is left to drain";
}

TEST_F(KubernetesTest, NodesFindEachOtherBeforeTheyAreReady) {
  const json& set = Object("StatefulSet/synod-node")["spec"];
  const json& service = Object("Service/" + set["serviceName"].get<std::string>())["spec"];
  EXPECT_EQ(service["clusterIP"], "None");
  EXPECT_EQ(service["publishNotReadyAddresses"], true);
  EXPECT_EQ(set["podManagementPolicy"], "Parallel");
  EXPECT_THAT(set["volumeClaimTemplates"], SizeIs(1));
}

TEST_F(KubernetesTest, InitialClusterNamesExactlyTheReplicas) {
  const json& set = Object("StatefulSet/synod-node")["spec"];
  std::vector<std::string> expected;
  for (int i = 0; i < set["replicas"].get<int>(); ++i) {
    const std::string name = absl::StrCat("synod-node-", i);
    expected.push_back(
        absl::StrCat(name, "=http://", name, ".synod-node.$(POD_NAMESPACE).svc:2380"));
  }
  const std::string members =
      ArgumentOf(PodOf("StatefulSet/synod-node")["containers"][0], "--initial-cluster");
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(members, ',')),
              ::testing::ElementsAreArray(expected));
}

TEST_F(KubernetesTest, NoTwoNodesShareAMachine) {
  const json& terms =
      PodOf("StatefulSet/synod-node")["affinity"]["podAntiAffinity"]
                                     ["requiredDuringSchedulingIgnoredDuringExecution"];
  ASSERT_THAT(terms, SizeIs(1));
  EXPECT_EQ(terms[0]["topologyKey"], "kubernetes.io/hostname");
  EXPECT_EQ(terms[0]["labelSelector"]["matchLabels"],
            Object("StatefulSet/synod-node")["spec"]["selector"]["matchLabels"]);
}

TEST_F(KubernetesTest, DisruptionsLeaveAQuorumAndABalancer) {
  const json& nodes = Object("PodDisruptionBudget/synod-node")["spec"];
  const json& set = Object("StatefulSet/synod-node")["spec"];
  EXPECT_LE(nodes["maxUnavailable"], (set["replicas"].get<int>() - 1) / 2);
  EXPECT_EQ(nodes["selector"], set["selector"]);
  const json& balancers = Object("PodDisruptionBudget/synod-balancer")["spec"];
  const json& deployment = Object("Deployment/synod-balancer")["spec"];
  EXPECT_GE(balancers["minAvailable"], 1);
  EXPECT_LT(balancers["minAvailable"], deployment["replicas"]);
  EXPECT_EQ(balancers["selector"], deployment["selector"]);
}

// Selectors that match no pod are silent: the set, the service or the policy just does nothing.
TEST_F(KubernetesTest, SelectorsMatchThePodsTheyMean) {
  const std::map<std::string, std::string> selected_by = {
      {"Service/synod-node", "StatefulSet/synod-node"},
      {"Service/synod", "Deployment/synod-balancer"},
      {"NetworkPolicy/synod-node", "StatefulSet/synod-node"},
      {"NetworkPolicy/synod-balancer", "Deployment/synod-balancer"},
  };
  for (const auto& [name, workload] : selected_by) {
    const json& spec = Object(name)["spec"];
    const json& selector =
        spec.contains("podSelector") ? spec["podSelector"]["matchLabels"] : spec["selector"];
    const json labels = PodLabels(workload);
    ASSERT_FALSE(selector.empty()) << name;
    for (const auto& [key, value] : selector.items()) EXPECT_EQ(labels[key], value) << name;
  }
}

TEST_F(KubernetesTest, OnlyNodesReachThePeerPort) {
  const json& deny = Object("NetworkPolicy/synod-default-deny")["spec"];
  EXPECT_TRUE(deny["podSelector"].empty());
  EXPECT_THAT(deny["policyTypes"], Contains("Ingress"));
  EXPECT_FALSE(deny.contains("ingress"));

  const json node_labels = PodLabels("StatefulSet/synod-node");
  for (const auto& [name, object] : objects_) {
    if (object["kind"] != "NetworkPolicy" || !object["spec"].contains("ingress")) continue;
    for (const json& rule : object["spec"]["ingress"]) {
      ASSERT_FALSE(rule["ports"].empty()) << name << " opens every port";
      for (const json& port : rule["ports"]) {
        if (port["port"] != "peer" && port["port"] != 2380) continue;
        EXPECT_EQ(name, "NetworkPolicy/synod-node");
        ASSERT_THAT(rule["from"], SizeIs(1));
        EXPECT_EQ(rule["from"][0]["podSelector"]["matchLabels"], node_labels);
      }
    }
  }
  for (const json& port : Object("Service/synod")["spec"]["ports"]) EXPECT_NE(port["port"], 2380);
}

}  // namespace
}  // namespace synod
