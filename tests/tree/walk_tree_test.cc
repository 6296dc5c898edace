#include "compiler/tree/walk_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "tests/tree/scratch_tree.h"

namespace agentfense::tests {
namespace {

using compiler::TreeCounts;
using compiler::TreeEntry;
using compiler::TreeVisitor;
using compiler::walk_tree;

struct Walked {
  std::optional<TreeCounts> counts;
  std::string error;
  std::map<std::string, TreeEntry> entries;  // names do not outlive the walk
  std::set<std::string> entered;
};

Walked walk(const std::string &dir, bool want_links = false) {
  Walked walked;
  std::vector<std::string> stack;
  TreeVisitor visitor;
  visitor.want_links = want_links;
  visitor.entry = [&](const std::string &parent, const TreeEntry &entry) {
    std::string here;
    for (const std::string &name : stack) here += "/" + name;
    EXPECT_EQ(parent, here);
    const std::string path = parent + "/" + std::string(entry.name);
    EXPECT_TRUE(walked.entries.emplace(path, entry).second) << path << " was seen twice";
  };
  visitor.enter = [&](std::string_view name) {
    stack.emplace_back(name);
    std::string here;
    for (const std::string &n : stack) here += "/" + n;
    walked.entered.insert(here);
  };
  visitor.leave = [&] { stack.pop_back(); };
  walked.counts = walk_tree(dir, visitor, walked.error);
  EXPECT_TRUE(stack.empty());
  return walked;
}

TEST(WalkTree, EveryKindOfEntryOnce) {
  ScratchTree tree;
  tree.directory("/a/b");
  tree.file("/a/b/f");
  tree.link("/a/b/f", "/g");
  tree.symlink("..", "/a/up");
  tree.symlink("/", "/a/away");
  tree.symlink("b", "/a/dir");
  tree.fifo("/a/fifo");
  tree.file("/a/\x1b[31m\xff\n");
  const Walked walked = walk(tree.root(), true);
  ASSERT_TRUE(walked.counts);
  std::set<std::string> paths;
  for (const auto &[path, entry] : walked.entries) paths.insert(path);
  EXPECT_EQ(paths, (std::set<std::string>{"/a", "/a/b", "/a/b/f", "/g", "/a/up", "/a/away", "/a/dir",
                                          "/a/fifo", "/a/\x1b[31m\xff\n"}));
  EXPECT_EQ(walked.entered, (std::set<std::string>{"/a", "/a/b"}));
  EXPECT_EQ(walked.counts->entries, 9u);
  EXPECT_EQ(walked.counts->directories, 2u);
  EXPECT_EQ(walked.counts->unreadable, 0u);
  EXPECT_EQ(walked.entries.at("/g").links, 2u);
  EXPECT_EQ(walked.entries.at("/g").inode, walked.entries.at("/a/b/f").inode);
  EXPECT_EQ(walked.entries.at("/a/fifo").links, 0u);
  EXPECT_TRUE(walked.entries.at("/a/b").directory);
  EXPECT_FALSE(walked.entries.at("/a/dir").directory);
}

TEST(WalkTree, DeeperThanPathsAndDescriptorsReach) {
  ScratchTree tree;
  const std::string name(200, 'd');
  for (const char *top : {"/a", "/b"}) {
    tree.directory(top);
    tree.chain(top, name, 300, "end");
    tree.file(std::string(top) + "/beside");
    tree.directory(std::string(top) + "/" + name + "/other/below");
  }
  const Walked walked = walk(tree.root());
  ASSERT_TRUE(walked.counts);
  EXPECT_EQ(walked.counts->entries, 2u * (1 + 300 + 1 + 1 + 2));
  EXPECT_EQ(walked.counts->unreadable, 0u);
  EXPECT_TRUE(walked.entered.contains("/b/" + name + "/other/below"));
}

// As an ordinary user: root lists whatever there is.
TEST(WalkTree, DirectoriesThatCannotBeListedAreCounted) {
  ScratchTree tree;
  for (const char *name : {"/closed", "/names-only", "/open"}) {
    tree.directory(std::string(name) + "/below");
    tree.file(std::string(name) + "/f");
  }
  ASSERT_EQ(::chmod((tree.root() + "/closed").c_str(), 0000), 0);
  ASSERT_EQ(::chmod((tree.root() + "/names-only").c_str(), 0444), 0);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    const Walked walked = walk(tree.root(), true);
    const uint64_t counts[] = {walked.counts->entries, walked.counts->directories, walked.counts->unreadable};
    ::_exit(::write(ends[1], counts, sizeof(counts)) == sizeof(counts) ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  uint64_t counts[3] = {};
  ASSERT_EQ(status, 0);
  ASSERT_EQ(::read(ends[0], counts, sizeof(counts)), static_cast<ssize_t>(sizeof(counts)));
  ::close(ends[0]);
  ::close(ends[1]);
  ::chmod((tree.root() + "/closed").c_str(), 0755);
  ::chmod((tree.root() + "/names-only").c_str(), 0755);
  EXPECT_EQ(counts[0], 7u);  // three directories, what names-only and open hold
  EXPECT_EQ(counts[1], 5u);
  EXPECT_EQ(counts[2], 2u);  // closed, and names-only/below
}

TEST(WalkTree, AnErrorWhereThereIsNoTree) {
  ScratchTree tree;
  tree.file("/f");
  EXPECT_EQ(walk(tree.root() + "/missing").error, "No such file or directory");
  EXPECT_EQ(walk(tree.root() + "/f").error, "Not a directory");
  tree.fifo("/fifo");
  EXPECT_EQ(walk(tree.root() + "/fifo").error, "Not a directory");
  tree.symlink(".", "/link");
  EXPECT_TRUE(walk(tree.root() + "/link").counts);  // the user named it
}

// A directory far above the walk moves away while its parent is closed.
TEST(WalkTree, ATreeThatMovesUnderTheWalk) {
  ScratchTree tree;
  tree.directory("/start/a/z");
  tree.directory("/elsewhere");
  tree.chain("/start/a/z", "d", 200, "end");
  TreeVisitor visitor;
  int left = 0;
  visitor.entry = [&](const std::string &, const TreeEntry &entry) {
    if (entry.name != "end") return;
    std::filesystem::rename(tree.root() + "/start/a/z/d", tree.root() + "/elsewhere/d");
  };
  visitor.leave = [&] { ++left; };
  std::string error;
  const std::optional<TreeCounts> counts = walk_tree(tree.root() + "/start", visitor, error);
  ASSERT_TRUE(counts);
  EXPECT_EQ(counts->entries, 203u);
  EXPECT_EQ(left, 202);
}

TEST(WalkTree, ATreeThatChangesIsNoHarm) {
  ScratchTree tree;
  for (int i = 0; i < 30; ++i) tree.directory("/d" + std::to_string(i) + "/e/f");
  std::atomic<bool> stop = false;
  std::thread changer([&] {
    for (unsigned i = 0; !stop; ++i) {
      const std::string dir = tree.root() + "/d" + std::to_string(i % 30);
      std::error_code ignored;
      std::filesystem::remove_all(dir + "/e", ignored);
      std::filesystem::create_symlink("/", dir + "/e", ignored);
      std::filesystem::remove(dir + "/e", ignored);
      std::filesystem::create_directories(dir + "/e/f/g", ignored);
      std::filesystem::rename(dir + "/e", dir + "/h", ignored);
    }
  });
  for (int round = 0; round < 100; ++round) {
    TreeVisitor visitor;
    std::string error;
    const std::optional<TreeCounts> counts = walk_tree(tree.root(), visitor, error);
    EXPECT_TRUE(counts);
    EXPECT_LT(counts->entries, 1000u);  // no way out through a link
  }
  stop = true;
  changer.join();
}

}  // namespace
}  // namespace agentfense::tests
