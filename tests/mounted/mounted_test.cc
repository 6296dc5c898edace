// Naive reference = mounted view. Random policies are compiled and mounted for real over one small
// tree, and every path of it is looked up, listed, read, written and created, each answer held
// against the reference. Needs root, /dev/fuse and mount namespaces.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "compiler/automaton/automaton.h"
#include "compiler/emit_table.h"
#include "compiler/table/encode.h"
#include "tests/automaton/random_rules.h"
#include "tests/reference/naive.h"
#include "tests/reference/rule_text.h"

namespace agentfense::tests {
namespace {

namespace fs = std::filesystem;
using lang::Level;

struct Entry {
  std::string path;  // "/a/b"
  bool directory;
};

// Folders a, b, ab and files c, ba, two levels down, and files on the third.
std::vector<Entry> tree() {
  std::vector<Entry> entries;
  std::vector<std::string> layer{""};
  for (int depth = 1; depth <= 3; ++depth) {
    std::vector<std::string> next;
    for (const std::string &parent : layer) {
      for (const char *name : {"a", "b", "ab"}) {
        entries.push_back({parent + "/" + name, depth < 3});
        if (depth < 3) next.push_back(parent + "/" + name);
      }
      for (const char *name : {"c", "ba"}) entries.push_back({parent + "/" + name, false});
    }
    layer = std::move(next);
  }
  return entries;
}

bool can_mount() { return ::geteuid() == 0 && ::access("/dev/fuse", R_OK | W_OK) == 0; }

std::string quote(const std::string &path) { return "'" + path + "'"; }

class MountedView : public ::testing::TestWithParam<const char *> {
 protected:
  static void SetUpTestSuite() {
    if (!can_mount()) return;
    // Mounts live and die with this process.
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << std::strerror(errno);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << std::strerror(errno);
  }

  void SetUp() override {
    if (!can_mount()) {
      ASSERT_EQ(std::getenv("AGENTFENSE_MUST_WORK"), nullptr) << "no root or no /dev/fuse";
      GTEST_SKIP() << "needs root and /dev/fuse";
    }
    char name[] = "/tmp/agentfense-mounted-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    base_ = folder_ + "/base";
    view_ = folder_ + "/view";
    fs::create_directory(base_);
    fs::create_directory(view_);
    for (const Entry &e : tree()) {
      if (e.directory) {
        fs::create_directory(base_ + e.path);
      } else {
        std::ofstream(base_ + e.path) << "content of " << e.path;
      }
    }
  }

  void TearDown() override {
    if (folder_.empty()) return;
    ::umount2(view_.c_str(), MNT_DETACH);
    fs::remove_all(folder_);
  }

  void mount(const lang::RuleSet &rules) {
    compiler::BuildResult built = compiler::build_automaton(rules, compiler::Budget{});
    ASSERT_TRUE(built.automaton);
    const std::vector<std::byte> bytes = table::encode(compiler::emit_table(rules, *built.automaton));
    const std::string file = folder_ + "/t.aft";
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    const std::string command = std::string(AGENTFENSE_MOUNT_HELPER) + " " + quote(base_) + " " +
                                quote(view_) + " -o table=" + quote(file) + "," + GetParam();
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }

  void unmount() { ASSERT_EQ(::umount(view_.c_str()), 0) << std::strerror(errno); }

  // Everything one path shows, against what the reference says of it.
  void check(const lang::RuleSet &rules, const Entry &e, bool below_visible, const std::string &text) {
    const Level level = reference::evaluate(rules, e.path).level;
    const bool visible = level > Level::none || (e.directory && below_visible);
    const std::string path = view_ + e.path;
    struct stat st {};
    const int looked = ::lstat(path.c_str(), &st);
    ASSERT_EQ(looked == 0, visible) << e.path << ": " << (looked == 0 ? "" : std::strerror(errno)) << "\n"
                                    << text;
    if (!visible) {
      ASSERT_EQ(errno, ENOENT) << e.path << "\n" << text;
      ASSERT_EQ(::open(path.c_str(), O_RDONLY | O_CLOEXEC), -1);
      ASSERT_EQ(errno, ENOENT) << e.path << "\n" << text;
      return;
    }
    if (e.directory) return;
    ASSERT_EQ(can_read(path), level >= Level::read) << e.path << "\n" << text;
    ASSERT_EQ(can_write(path), level == Level::write) << e.path << "\n" << text;
    ASSERT_EQ((st.st_mode & 0222) != 0, level == Level::write) << e.path << "\n" << text;
    ASSERT_EQ((st.st_mode & 0444) != 0, level >= Level::read) << e.path << "\n" << text;
  }

  static bool can_read(const std::string &path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    char byte = 0;
    const bool read = ::read(fd, &byte, 1) == 1 && byte == 'c';
    ::close(fd);
    return read;
  }
  static bool can_write(const std::string &path) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool written = ::pwrite(fd, "c", 1, 0) == 1;
    ::close(fd);
    return written;
  }

  std::string folder_, base_, view_;
};

// Whether some path strictly below, over names that the patterns can tell apart, is above none.
bool visible_below(const lang::RuleSet &rules, const std::string &path) {
  static const std::vector<std::string> names = {"a",   "b",   "c",   "aa",  "ab",   "ac",
                                                 "ba",  "bb",  "bc",  "ca",  "cb",   "cc",
                                                 "aca", "bcb", "cac", "cbc", "cabc", "cbac"};
  std::vector<std::string> layer{path};
  for (int depth = 0; depth < 2; ++depth) {
    std::vector<std::string> next;
    for (const std::string &parent : layer) {
      for (const std::string &name : names) {
        next.push_back(parent + "/" + name);
        if (reference::evaluate(rules, next.back()).level > Level::none) return true;
      }
    }
    layer = std::move(next);
  }
  return false;
}

TEST_P(MountedView, AnswersAsTheReferenceDoes) {
  std::mt19937 random(21);
  const std::vector<Entry> entries = tree();
  for (int round = 0; round < 40; ++round) {
    const std::string text = random_rules(random, {.rules = 5, .depth = 2, .names = 2});
    const lang::RuleSet rules = reference::rules_of(text);
    mount(rules);
    if (HasFatalFailure()) return;

    std::set<std::string> visible_dirs{""};
    std::map<std::string, std::set<std::string>> listings{{"", {}}};
    for (const Entry &e : entries) {
      const std::string parent = e.path.substr(0, e.path.rfind('/'));
      const bool below = e.directory && visible_below(rules, e.path);
      const bool visible = reference::evaluate(rules, e.path).level > Level::none || below;
      if (visible && !visible_dirs.contains(parent))
        FAIL() << "a visible path below a hidden one: " << e.path << "\n" << text;
      check(rules, e, below, text);
      if (HasFatalFailure()) return;
      if (!visible) continue;
      listings[parent].insert(e.path.substr(e.path.rfind('/') + 1));
      if (e.directory) {
        visible_dirs.insert(e.path);
        listings[e.path];
      }
    }
    for (const auto &[dir, expected] : listings) {
      std::set<std::string> listed;
      for (const auto &entry : fs::directory_iterator(view_ + dir))
        listed.insert(entry.path().filename().string());
      ASSERT_EQ(listed, expected) << dir << "\n" << text;

      // A new name can be made exactly where its path has write, whatever is hidden there.
      const std::string fresh = dir + "/bb";
      const bool may = reference::evaluate(rules, fresh).level == Level::write;
      const int fd = ::open((view_ + fresh).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      const int error = errno;
      ASSERT_EQ(fd >= 0, may) << fresh << ": " << std::strerror(error) << "\n" << text;
      if (fd < 0) {
        ASSERT_EQ(error, EACCES) << fresh << "\n" << text;
        continue;
      }
      ::close(fd);
      ASSERT_EQ(::unlink((view_ + fresh).c_str()), 0) << fresh << "\n" << text;
    }
    unmount();
    if (HasFatalFailure()) return;
  }
  for (const Entry &e : entries) {
    if (e.directory) continue;
    std::ifstream in(base_ + e.path);
    std::string content((std::istreambuf_iterator<char>(in)), {});
    ASSERT_EQ(content, "content of " + e.path);
  }
}

TEST_P(MountedView, OutlivesTheHelperOfTheViewBeforeIt) {
  const lang::RuleSet rules = reference::rules_of("allow read /\n");
  for (int round = 0; round < 12; ++round) {
    mount(rules);
    unmount();
    mount(rules);
    if (HasFatalFailure()) return;
    // Long enough for a helper that ends late to do harm.
    ::usleep(50'000);
    ASSERT_TRUE(can_read(view_ + "/c")) << "round " << round;
    unmount();
  }
}

TEST_P(MountedView, ShowsAnEmptyRootWhereNothingIsVisible) {
  mount(reference::rules_of("limit none /\n"));
  if (HasFatalFailure()) return;
  EXPECT_TRUE(fs::is_empty(view_));
  EXPECT_EQ(::access((view_ + "/a").c_str(), F_OK), -1);
  EXPECT_EQ(::mkdir((view_ + "/new").c_str(), 0700), -1);
  EXPECT_EQ(errno, EACCES);
  unmount();
}

INSTANTIATE_TEST_SUITE_P(Ways, MountedView,
                         ::testing::Values("coherence=live", "coherence=snapshot,open=cached",
                                           "coherence=live,open=cached"),
                         [](const auto &way) {
                           std::string name = way.param;
                           std::erase_if(name,
                                         [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
                           return name;
                         });

}  // namespace
}  // namespace agentfense::tests
