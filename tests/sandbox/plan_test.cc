// The sandbox as data: what a plan becomes on bubblewrap's command line, word for word.
#include "mounthelper/launch/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "mounthelper/launch/make_plan.h"

namespace agentfense::launch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LaunchPlan root_plan() {
  LaunchPlan plan;
  plan.bwrap = "/usr/bin/bwrap";
  plan.view = "/mnt";
  plan.at = "/workspace";
  plan.workdir = "/workspace";
  plan.as_root = true;
  plan.system = {
      {SystemEntry::Kind::read_only, "/usr", "/usr"},
      {SystemEntry::Kind::symlink, "usr/bin", "/bin"},
      {SystemEntry::Kind::read_only, "/etc/ssl/certs", "/etc/ssl/certs"},
  };
  plan.frozen = {"/proc/sys"};
  plan.masked = {"/proc/keys"};
  plan.environment = {{"HOME", "/tmp"}, {"PATH", "/usr/bin:/bin"}};
  plan.command = {"make", "test"};
  return plan;
}

LaunchPlan user_plan() {
  LaunchPlan plan = root_plan();
  plan.as_root = false;
  plan.uid = 1000;
  plan.gid = 100;
  plan.net = true;
  plan.at = "/home/me/work";
  plan.workdir = "/home/me/work/src";
  plan.also_at = "/usr/src/work";
  plan.frozen.clear();
  plan.masked.clear();
  plan.system.push_back({SystemEntry::Kind::read_only_if_there, "/mnt/resolv.conf", "/etc/resolv.conf"});
  return plan;
}

// One option a line, its words apart by spaces.
std::string lines_of(const std::vector<std::string> &words) {
  std::string text;
  for (const std::string &word : words)
    text += (word.starts_with("--") && !text.empty() ? "\n" : text.empty() ? "" : " ") + word;
  return text + "\n";
}

std::string golden(const std::string &name) {
  std::ifstream file(std::string(AGENTFENSE_SANDBOX_TESTS) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

constexpr LaunchFds kFds{.status = 4, .passwd = 5, .group = 6};

TEST(BwrapArguments, OfRoot) { EXPECT_EQ(lines_of(bwrap_arguments(root_plan(), kFds)), golden("root.argv")); }

TEST(BwrapArguments, OfAnOrdinaryUserWithTheNet) {
  EXPECT_EQ(lines_of(bwrap_arguments(user_plan(), kFds)), golden("user.argv"));
}

TEST(CommandWords, ThroughEnvUnlessItsNameLooksLikeAnAssignment) {
  EXPECT_THAT(command_words(root_plan()), ElementsAre("/usr/bin/env", "--", "make", "test"));
  LaunchPlan plan = root_plan();
  plan.command = {"./a=b", "-c"};
  EXPECT_THAT(command_words(plan), ElementsAre("/usr/bin/nice", "-n", "0", "--", "./a=b", "-c"));
}

TEST(Accounts, NameTheIdsOfTheSandboxAlone) {
  EXPECT_EQ(passwd_text(root_plan()),
            "root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n");
  EXPECT_EQ(passwd_text(user_plan()),
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
            "user:x:1000:100::/tmp:/bin/sh\n");
  EXPECT_EQ(group_text(user_plan()), "root:x:0:\nnogroup:x:65534:\nuser:x:100:\n");
}

const SystemEntry *entry_at(const std::vector<SystemEntry> &entries, const std::string &destination) {
  for (const SystemEntry &entry : entries) {
    if (entry.destination == destination) return &entry;
  }
  return nullptr;
}

TEST(SystemEntries, OfABaseElsewhere) {
  std::string also_at = "stale";
  auto entries = system_entries("/nowhere/base", "/mnt", false, also_at);
  EXPECT_THAT(also_at, IsEmpty());
  ASSERT_NE(entry_at(entries, "/usr"), nullptr);
  EXPECT_EQ(entry_at(entries, "/usr")->source, "/usr");
  EXPECT_EQ(entry_at(entries, "/usr")->kind, SystemEntry::Kind::read_only);
  EXPECT_EQ(entry_at(entries, "/etc/resolv.conf"), nullptr);
  EXPECT_EQ(entry_at(entries, "/etc/shadow"), nullptr);
  for (const SystemEntry &entry : entries) EXPECT_FALSE(entry.source.starts_with("/mnt")) << entry.source;
}

TEST(SystemEntries, OfTheWholeSystemComeFromTheView) {
  std::string also_at;
  for (const SystemEntry &entry : system_entries("/", "/mnt", true, also_at)) {
    if (entry.kind == SystemEntry::Kind::symlink) continue;
    EXPECT_TRUE(entry.source.starts_with("/mnt/")) << entry.source;
    EXPECT_EQ(entry.kind, SystemEntry::Kind::read_only_if_there) << entry.source;
  }
  EXPECT_THAT(also_at, IsEmpty());
}

TEST(SystemEntries, ABaseInAShownDirectoryIsCoveredByItsView) {
  std::string also_at;
  auto entries = system_entries("/usr/share", "/mnt", false, also_at);
  EXPECT_EQ(also_at, "/usr/share");
  EXPECT_EQ(entry_at(entries, "/usr")->source, "/usr");
}

TEST(SystemEntries, ASiblingWithTheSameBeginningIsNoBase) {
  std::string also_at;
  auto entries = system_entries("/us", "/mnt", false, also_at);
  EXPECT_EQ(entry_at(entries, "/usr")->source, "/usr");
  EXPECT_THAT(also_at, IsEmpty());
}

// Missing where it must be there, the tests go on, and fail.
bool has_bwrap() {
  const char *must = getenv("AGENTFENSE_MUST_WORK");
  return access("/usr/bin/bwrap", X_OK) == 0 || (must != nullptr && std::string_view(must) == "1");
}

LaunchRequest request() {
  LaunchRequest wanted;
  wanted.base = "/nowhere/base";
  wanted.view = "/mnt";
  wanted.command = {"true"};
  return wanted;
}

TEST(MakePlan, RefusesPlacesThatAreTheSystems) {
  for (const char *at : {"", "/", "relative", "/usr", "/usr/x", "/etc", "/proc/1", "/dev", "/a/../etc",
                         "/a//b", "/a/", "/./a"}) {
    LaunchRequest wanted = request();
    wanted.at = at;
    auto plan = make_plan(wanted);
    ASSERT_FALSE(plan.ok()) << at;
    EXPECT_THAT(plan.status().message(), HasSubstr("is no place for the view")) << at;
  }
}

TEST(MakePlan, EnvironmentIsTheStatedFew) {
  if (!has_bwrap()) GTEST_SKIP() << "no bubblewrap";
  ASSERT_EQ(setenv("AGENTFENSE_TEST_SECRET", "s3cret", 1), 0);
  ASSERT_EQ(setenv("LANG", "de_DE.UTF-8", 1), 0);
  LaunchRequest wanted = request();
  wanted.environment = {{"HOME", "/workspace"}, {"X", "a=b"}};
  auto plan = make_plan(wanted);
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  std::vector<std::string> text;
  for (const auto &[name, value] : plan->environment) {
    if (name != "TERM") text.push_back(name + "=" + value);
  }
  EXPECT_THAT(text, ElementsAre("HOME=/workspace", "LANG=de_DE.UTF-8",
                                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                "USER=" + std::string(user_name(geteuid())), "X=a=b"));
}

TEST(MakePlan, WorkdirIsBelowTheViewUnlessAbsolute) {
  if (!has_bwrap()) GTEST_SKIP() << "no bubblewrap";
  LaunchRequest wanted = request();
  ASSERT_TRUE(make_plan(wanted).ok());
  EXPECT_EQ(make_plan(wanted)->workdir, "/workspace");
  wanted.workdir = "src";
  EXPECT_EQ(make_plan(wanted)->workdir, "/workspace/src");
  wanted.workdir = "/tmp";
  EXPECT_EQ(make_plan(wanted)->workdir, "/tmp");
}

}  // namespace
}  // namespace agentfense::launch
