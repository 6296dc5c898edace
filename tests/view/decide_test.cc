#include "mounthelper/view/decide.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "mounthelper/view/attributes.h"
#include "mounthelper/view/xattr_names.h"

namespace agentfense::view {
namespace {

StateInfo at(Level level, bool visible_below = false) {
  StateInfo info{};
  info.level = level;
  info.visible_below = visible_below;
  info.uniform_below = !visible_below || level != Level::none;
  info.below = level;
  return info;
}

struct Case {
  Op op;
  int none, view, read, write;  // the answer at each level
};

TEST(Decide, EachOperationAtEachLevel) {
  const Case cases[] = {
      {Op::look, ENOENT, 0, 0, 0},
      {Op::read_link, ENOENT, 0, 0, 0},
      {Op::read, ENOENT, EACCES, 0, 0},
      {Op::change, ENOENT, EACCES, EACCES, 0},
      {Op::create, EACCES, EACCES, EACCES, 0},
      {Op::remove, ENOENT, EACCES, EACCES, 0},
  };
  for (const Case &c : cases) {
    EXPECT_EQ(decide(c.op, at(Level::none), false), c.none) << static_cast<int>(c.op);
    EXPECT_EQ(decide(c.op, at(Level::view), false), c.view) << static_cast<int>(c.op);
    EXPECT_EQ(decide(c.op, at(Level::read), false), c.read) << static_cast<int>(c.op);
    EXPECT_EQ(decide(c.op, at(Level::write), false), c.write) << static_cast<int>(c.op);
  }
}

TEST(Decide, AncestorOfSomethingVisibleShowsAsADirectoryOnly) {
  StateInfo ancestor = at(Level::none, true);
  EXPECT_EQ(decide(Op::look, ancestor, true), 0);
  EXPECT_EQ(decide(Op::look, ancestor, false), ENOENT);
  EXPECT_EQ(decide(Op::remove, ancestor, true), EACCES);
  EXPECT_EQ(decide(Op::remove, ancestor, false), ENOENT);
  EXPECT_EQ(decide(Op::change, ancestor, true), EACCES);
  EXPECT_EQ(decide(Op::create, ancestor, false), EACCES);
  EXPECT_FALSE(always_hidden(ancestor));
  EXPECT_TRUE(always_hidden(at(Level::none)));
}

TEST(DecideOpen, NeedsWhatTheFlagsAsk) {
  EXPECT_EQ(decide_open(O_RDONLY, at(Level::read)), 0);
  EXPECT_EQ(decide_open(O_RDONLY, at(Level::view)), EACCES);
  EXPECT_EQ(decide_open(O_RDONLY | O_TRUNC, at(Level::read)), EACCES);
  EXPECT_EQ(decide_open(O_WRONLY, at(Level::read)), EACCES);
  EXPECT_EQ(decide_open(O_RDWR, at(Level::read)), EACCES);
  EXPECT_EQ(decide_open(O_RDWR | O_TRUNC, at(Level::write)), 0);
}

RenameEnd end(Level level, uint32_t alike, bool exists, bool is_directory) {
  RenameEnd made;
  made.info = at(level);
  made.info.alike = alike;
  made.exists = exists;
  made.is_directory = is_directory;
  return made;
}

TEST(DecideRename, NeedsWriteAtBothEnds) {
  RenameEnd file = end(Level::write, 1, true, false);
  EXPECT_EQ(decide_rename(file, end(Level::write, 2, false, false), false), 0);
  EXPECT_EQ(decide_rename(file, end(Level::read, 2, false, false), false), EACCES);
  EXPECT_EQ(decide_rename(file, end(Level::none, 2, true, false), false), EACCES);
  EXPECT_EQ(decide_rename(end(Level::read, 1, true, false), file, false), EACCES);
  EXPECT_EQ(decide_rename(end(Level::none, 1, true, false), file, false), ENOENT);
}

TEST(DecideRename, DirectoryMovesOnlyWhereAllIsAlike) {
  RenameEnd directory = end(Level::write, 1, true, true);
  EXPECT_EQ(decide_rename(directory, end(Level::write, 1, false, false), false), 0);
  EXPECT_EQ(decide_rename(directory, end(Level::write, 2, false, false), false), EXDEV);
  EXPECT_EQ(decide_rename(end(Level::write, 2, true, false), end(Level::write, 1, true, true), true), EXDEV);
  EXPECT_EQ(decide_rename(end(Level::write, 1, true, false), end(Level::write, 1, true, true), true), 0);
}

TEST(DecideRename, ReplacingADirectoryMayNotTellOfHiddenEntries) {
  RenameEnd directory = end(Level::write, 1, true, true);
  RenameEnd target = end(Level::write, 1, true, true);
  EXPECT_EQ(decide_rename(directory, target, false), 0);
  target.info.uniform_below = false;
  EXPECT_EQ(decide_rename(directory, target, false), EXDEV);
  target.exists = false;
  EXPECT_EQ(decide_rename(directory, target, false), 0);
}

TEST(ModeInView, TellsTheTruthAboutLevels) {
  EXPECT_EQ(mode_in_view(S_IFREG | 06755, at(Level::write)), S_IFREG | 0755u);
  EXPECT_EQ(mode_in_view(S_IFREG | 0755, at(Level::read)), S_IFREG | 0555u);
  EXPECT_EQ(mode_in_view(S_IFREG | 0755, at(Level::view)), S_IFREG | 0u);
  EXPECT_EQ(mode_in_view(S_IFIFO | 0666, at(Level::view)), S_IFIFO | 0u);
  EXPECT_EQ(mode_in_view(S_IFLNK | 0777, at(Level::view)), S_IFLNK | 0777u);
  EXPECT_EQ(mode_in_view(S_IFDIR | 02775, at(Level::read)), S_IFDIR | 0555u);
  EXPECT_EQ(mode_in_view(S_IFDIR | 01777, at(Level::write)), S_IFDIR | 01777u);
  StateInfo with_writable_child = at(Level::none, true);
  with_writable_child.writable_child = true;
  EXPECT_EQ(mode_in_view(S_IFDIR | 0755, with_writable_child), S_IFDIR | 0755u);
}

TEST(StatInView, DirectoryCountsNoChildren) {
  struct stat base {};
  base.st_mode = S_IFDIR | 0755;
  base.st_nlink = 17;
  base.st_size = 12345;
  base.st_blocks = 99;
  base.st_ino = 7;
  struct stat shown = stat_in_view(base, at(Level::read), base.st_dev);
  EXPECT_EQ(shown.st_nlink, 1u);
  EXPECT_EQ(shown.st_size, 4096);
  EXPECT_EQ(shown.st_blocks, 0);
  EXPECT_EQ(shown.st_ino, 7u);
  EXPECT_NE(stat_in_view(base, at(Level::read), base.st_dev + 1).st_ino, 7u);
}

TEST(XattrNames, OnlyTheUsersOwn) {
  EXPECT_EQ(decide_xattr_read("user.x"), 0);
  EXPECT_EQ(decide_xattr_read("user.overlay.opaque"), ENODATA);
  EXPECT_EQ(decide_xattr_read("trusted.x"), ENODATA);
  EXPECT_EQ(decide_xattr_read("security.capability"), ENODATA);
  EXPECT_EQ(decide_xattr_read("system.posix_acl_access"), EOPNOTSUPP);
  EXPECT_EQ(decide_xattr_change("user.x"), 0);
  EXPECT_EQ(decide_xattr_change("user.overlay.whiteout"), EPERM);
  EXPECT_EQ(decide_xattr_change("security.capability"), EPERM);
  EXPECT_EQ(decide_xattr_change("system.posix_acl_default"), EOPNOTSUPP);
  using namespace std::string_view_literals;
  std::vector<char> kept = filter_xattr_list("user.a\0trusted.b\0user.overlay.c\0user.d\0"sv);
  EXPECT_EQ(std::string_view(kept.data(), kept.size()), "user.a\0user.d\0"sv);
}

}  // namespace
}  // namespace agentfense::view
