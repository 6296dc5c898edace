#include "tests/delta/apply_changes.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/view/rule_table.h"

namespace agentfense::delta_test {

namespace fs = std::filesystem;

const table::Table &everything() {
  static const table::Table table = agentfense::testing::rules_to_table({"allow write /"});
  return table;
}

ApplyReport applied(const ApplyRequest &request) {
  auto report = apply(request);
  EXPECT_TRUE(report.ok()) << report.status().message();
  return report.ok() ? std::move(*report) : ApplyReport();
}

Node with_attribute(Node node, const std::string &name, const std::string &value) {
  node.attributes[name] = value;
  return node;
}

void make_everything(Delta &delta) {
  Tree base = {{"a", file("a")},
               {"b", file("b", 0600)},
               {"big", file(std::string(300000, 'x'))},
               {"chmod", with_attribute(file("same"), "user.old", "1")},
               {"chmod2", file("same")},
               {"d", dir(0750)},
               {"d/x", file("dx")},
               {"d/y", file("dy")},
               {"emptied", dir()},
               {"emptied/1", file("1")},
               {"gone", dir()},
               {"gone/deep", dir()},
               {"gone/deep/f", file("f")},
               {"gone/l", link_to("/etc")},
               {"keep", file("keep")},
               {"link", link_to("a")},
               {"linked", file("linked")},
               {"linked2", file("linked2")},
               {"moved", dir()},
               {"moved/1", file("one")},
               {"moved/sub", dir()},
               {"moved/sub/2", file("two")},
               {"to-dir", file("was a file")},
               {"to-file", dir()},
               {"to-file/in", file("in")},
               {"to-file/sub", dir()},
               {"unchanged", dir()},
               {"unchanged/u", file("u")}};
  Tree upper = {
      {"a", file("A changed")},
      {"b", whiteout()},
      {"big", with_attribute(file(std::string(300000, 'y')), "user.overlay.agentfense.origin", "7")},
      {"chmod2", file("same", 0600)},
      {"chmod", with_attribute(file("same", 04755), "user.overlay.overlay.mark", "m")},
      {"d", dir(0711)},
      {"d/x", whiteout()},
      {"d/new", file("new")},
      {"emptied", opaque_dir()},
      {"gone", whiteout()},
      {"fifo", fifo(0640)},
      {"link", link_to("b")},
      {"linked", file("linked!")},
      {"moved", whiteout()},
      {"moved-to", opaque_dir()},
      {"moved-to/1", file("one")},
      {"moved-to/sub", opaque_dir()},
      {"moved-to/sub/2", file("two and more")},
      {"moved-to/sub/3", link_to("2")},
      {"new", opaque_dir(0700)},
      {"new/deep", opaque_dir(0500)},
      {"new/deep/f", with_attribute(file("f"), "user.note", "n")},
      {"to-dir", opaque_dir()},
      {"to-dir/in", file("in")},
      {"to-file", file("is a file")}};
  delta.make(base, upper, [&] {
    const auto &layers = delta.layers();
    layers.note_origin("chmod", layers.base_inode("chmod"));
    layers.note_origin("moved-to", layers.base_inode("moved"));
    layers.note_origin("moved-to/1", layers.base_inode("moved/1"));
    layers.note_origin("moved-to/sub", layers.base_inode("moved/sub"));
    layers.note_origin("moved-to/sub/2", layers.base_inode("moved/sub/2"));
    fs::create_hard_link(delta.upper() + "/linked", delta.upper() + "/new/name");
    fs::create_hard_link(delta.upper() + "/linked", delta.upper() + "/to-dir/name");
    fs::create_hard_link(delta.base() + "/linked2", delta.base() + "/linked3");
    ASSERT_EQ(lchown((delta.upper() + "/a").c_str(), 1234, 5678), 0);
    ASSERT_EQ(lchown((delta.upper() + "/new").c_str(), 1234, 5678), 0);
    ASSERT_EQ(mknod((delta.upper() + "/linked3").c_str(), S_IFCHR, 0), 0);
  });
}

bool run_and_die_at(const ApplyRequest &planned, int k) {
  pid_t child = fork();
  if (child == 0) {
    int left = k;
    ApplyRequest request = planned;
    request.pause = [&left] {
      if (left-- == 0) _exit(9);
    };
    auto report = apply(request);
    _exit(report.ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 1) << "at " << k;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string read_file(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

void make_conflicts(Delta &delta) {
  delta.make({{"changed", file("1")},
              {"chmodded", file("c")},
              {"deleted", file("d")},
              {"dir", dir()},
              {"dir/old", file("old")},
              {"fine", file("f")},
              {"lost", file("l")},
              {"lost-dir", dir()},
              {"lost-dir/in", file("in")},
              {"moved", file("m")}},
             {{"changed", file("ours")},
              {"chmodded", file("ours")},
              {"deleted", whiteout()},
              {"dir", whiteout()},
              {"fine", file("ours")},
              {"lost", file("ours")},
              {"lost-dir", dir()},
              {"lost-dir/new", file("ours")},
              {"moved", whiteout()},
              {"moved-to", file("m")},
              {"new", file("ours")}},
             [&] { delta.layers().note_origin("moved-to", delta.layers().base_inode("moved")); });
  const std::string base = delta.base();
  write_file(base + "/changed", "theirs");
  ASSERT_EQ(chmod((base + "/chmodded").c_str(), 0600), 0);
  write_file(base + "/deleted", "theirs");
  write_file(base + "/dir/new", "theirs");
  fs::remove(base + "/lost");
  fs::remove_all(base + "/lost-dir");
  write_file(base + "/moved", "theirs");
  write_file(base + "/new", "theirs");
}

}  // namespace agentfense::delta_test
