#include "mounthelper/delta/store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "mounthelper/delta/format.h"
#include "mounthelper/delta/identity.h"
#include "mounthelper/delta/origins.h"

namespace agentfense::delta {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

void write_file(const fs::path &path, const std::string &text) { std::ofstream(path) << text; }

std::string read_file(const fs::path &path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct stat status_of(const fs::path &path) {
  struct stat info {};
  EXPECT_EQ(lstat(path.c_str(), &info), 0) << path;
  return info;
}

// Everything that can be told of a tree, its root included, but for access times, and the times of directories, in
// which something may have been tried.
std::map<std::string, std::string> picture(const fs::path &top) {
  std::map<std::string, std::string> seen;
  auto note = [&](const fs::path &path) {
    struct stat info = status_of(path);
    std::ostringstream line;
    line << info.st_ino << ' ' << std::oct << info.st_mode << std::dec << ' ' << info.st_uid << ' '
         << info.st_gid;
    if (!S_ISDIR(info.st_mode)) line << ' ' << info.st_mtim.tv_sec << '.' << info.st_mtim.tv_nsec;
    if (S_ISREG(info.st_mode)) line << ' ' << read_file(path);
    if (S_ISLNK(info.st_mode)) line << ' ' << fs::read_symlink(path).string();
    seen[path.string()] = line.str();
  };
  note(top);
  if (!fs::is_directory(fs::symlink_status(top))) return seen;
  for (const auto &entry : fs::recursive_directory_iterator(top)) note(entry.path());
  return seen;
}

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Not /tmp, which may be a file system without user attributes on older kernels.
    std::string name = "/var/tmp/agentfense-store-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    top_ = name;
    base_ = top_ / "base";
    delta_ = top_ / "delta";
    fs::create_directories(base_ / "sub");
    write_file(base_ / "file", "of the base");
    ASSERT_EQ(chmod(base_.c_str(), 02751), 0);
    ASSERT_EQ(setxattr(base_.c_str(), "user.kept", "v", 1, 0), 0) << "user attributes are needed here";
    ASSERT_EQ(setxattr(base_.c_str(), "user.overlay.opaque", "y", 1, 0), 0);
    const timespec times[2] = {{1000, 1}, {2000, 2}};
    ASSERT_EQ(utimensat(AT_FDCWD, base_.c_str(), times, 0), 0);
    handle_ = sys::Fd(open(base_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  void TearDown() override { fs::remove_all(top_); }

  StoreRequest request(const fs::path &path) const {
    return {
        .path = path, .base = handle_.get(), .base_path = base_, .patience = std::chrono::milliseconds(0)};
  }
  sys::Result<Store> write(const fs::path &path) const { return open_to_write(request(path)); }
  sys::Result<Store> read(const fs::path &path) const { return open_to_read(request(path)); }

  // Makes a delta with something in it, and lets it go.
  void make_used() const {
    ASSERT_TRUE(write(delta_).ok());
    write_file(delta_ / "upper" / "new", "of the view");
  }

  // Neither way opens it, both say why, and nothing is different afterwards.
  void refused(const fs::path &path, const std::string &cause, int error = 0) const {
    refused_to_write(path, cause, error);
    auto before = picture(top_);
    sys::Result<Store> store = read(path);
    ASSERT_FALSE(store.ok());
    EXPECT_THAT(store.status().message(), HasSubstr(cause));
    EXPECT_TRUE(picture(top_) == before) << "something changed";
  }
  void refused_to_write(const fs::path &path, const std::string &cause, int error = 0) const {
    auto before = picture(top_);
    sys::Result<Store> store = write(path);
    ASSERT_FALSE(store.ok());
    EXPECT_THAT(store.status().message(), StartsWith("cannot use the delta " + path.string() + ": "));
    EXPECT_THAT(store.status().message(), HasSubstr(cause));
    EXPECT_THAT(store.status().message(), HasSubstr("; ")) << "a remedy";
    EXPECT_TRUE(error == 0 || store.error() == error) << store.error();
    EXPECT_TRUE(picture(top_) == before) << "something changed";
  }

  fs::path top_, base_, delta_;
  sys::Fd handle_;
};

TEST_F(StoreTest, ANewOneHasTheBasesRoot) {
  sys::Result<Store> store = write(delta_);
  ASSERT_TRUE(store.ok()) << store.status().message();
  EXPECT_TRUE(store->lock);
  struct stat base = status_of(base_);
  struct stat upper = status_of(delta_ / "upper");
  EXPECT_EQ(upper.st_mode, base.st_mode);
  EXPECT_EQ(upper.st_uid, base.st_uid);
  EXPECT_EQ(upper.st_gid, base.st_gid);
  EXPECT_EQ(upper.st_mtim.tv_sec, 2000);
  EXPECT_EQ(upper.st_mtim.tv_nsec, 2);
  EXPECT_EQ(status_of(delta_).st_mode & 07777, 0700U);
  EXPECT_EQ(status_of(delta_ / "meta").st_mode & 07777, 0700U);
  EXPECT_EQ(status_of(delta_ / "work").st_mode & 07777, geteuid() == 0 ? 01777U : 0700U);
  EXPECT_TRUE(fs::is_empty(delta_ / "upper"));
  EXPECT_TRUE(fs::is_empty(delta_ / "work"));
  char value[8];
  EXPECT_EQ(getxattr((delta_ / "upper").c_str(), "user.kept", value, sizeof value), 1);
  EXPECT_EQ(getxattr((delta_ / "upper").c_str(), "user.overlay.overlay.opaque", value, sizeof value), 1);
  EXPECT_EQ(getxattr((delta_ / "upper").c_str(), "user.overlay.opaque", value, sizeof value), -1);
  EXPECT_EQ(origin_of(store->directory.get(), "upper"), base.st_ino);
  sys::Result<Origins> origins = read_origins(store->meta.get());
  ASSERT_TRUE(origins.ok());
  ASSERT_EQ(origins->size(), 1U);
  EXPECT_TRUE(same_as(origins->at(""), base));
}

TEST_F(StoreTest, NamesItsBase) {
  ASSERT_TRUE(write(delta_).ok());
  auto identity = parse_identity(read_file(delta_ / "meta" / "delta"));
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->base_inode, status_of(base_).st_ino);
  EXPECT_EQ(identity->base_path, base_);
}

TEST_F(StoreTest, AnIdentityIsReadAsItWasWrittenAndNoOther) {
  Identity identity{7, 0xfedcba9876543210, "/a b\n%"};
  std::string text = format_identity(identity);
  EXPECT_EQ(text,
            "agentfense-delta 1\nbase-inode 7\nbase-filesystem fedcba9876543210\nbase-path /a%20b%0A%25\n");
  auto back = parse_identity(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->base_path, identity.base_path);
  EXPECT_TRUE(same_base(*back, identity));
  for (size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(parse_identity(text.substr(0, length)));
  EXPECT_FALSE(parse_identity(text + "x\n"));
  EXPECT_FALSE(parse_identity("agentfense-delta 2" + text.substr(18)));
}

TEST_F(StoreTest, AnEmptyDirectoryBecomesOneOfItsOwnersAlone) {
  fs::create_directory(delta_);
  ASSERT_EQ(chmod(delta_.c_str(), 0755), 0);
  ASSERT_TRUE(write(delta_).ok());
  EXPECT_EQ(status_of(delta_).st_mode & 07777, 0700U);
  EXPECT_TRUE(read(delta_).ok());
  ASSERT_EQ(chmod(delta_.c_str(), 0750), 0);
  ASSERT_TRUE(write(delta_).ok());
  EXPECT_EQ(status_of(delta_).st_mode & 07777, 0750U) << "as its owner said later";
}

TEST_F(StoreTest, KeepsWhatItHoldsAndEmptiesWork) {
  make_used();
  fs::create_directories(delta_ / "work" / "work" / "deep" / "er");
  write_file(delta_ / "work" / "#1", "half");
  ASSERT_EQ(symlink(base_.c_str(), (delta_ / "work" / "link").c_str()), 0);
  ASSERT_EQ(chmod((delta_ / "work" / "work").c_str(), 0), 0);
  auto before = picture(delta_ / "upper");
  sys::Result<Store> store = write(delta_);
  ASSERT_TRUE(store.ok()) << store.status().message();
  EXPECT_TRUE(fs::is_empty(delta_ / "work"));
  EXPECT_EQ(picture(delta_ / "upper"), before);
  EXPECT_EQ(read_file(base_ / "file"), "of the base");
}

TEST_F(StoreTest, ReadingChangesNothing) {
  make_used();
  write_file(delta_ / "work" / "#1", "half");
  auto before = picture(delta_);
  sys::Result<Store> store = read(delta_);
  ASSERT_TRUE(store.ok()) << store.status().message();
  EXPECT_FALSE(store->lock);
  EXPECT_EQ(picture(delta_), before);
}

TEST_F(StoreTest, OneWriterAtATime) {
  {
    sys::Result<Store> first = write(delta_);
    ASSERT_TRUE(first.ok());
    write_file(delta_ / "work" / "#1", "under way");
    refused_to_write(delta_, "in use by another process", EBUSY);
    EXPECT_TRUE(read(delta_).ok());
  }
  EXPECT_TRUE(write(delta_).ok());
}

TEST_F(StoreTest, AKilledWriterHoldsNothing) {
  int ready[2];
  ASSERT_EQ(pipe2(ready, O_CLOEXEC), 0);
  pid_t child = fork();
  if (child == 0) {
    sys::Result<Store> store = write(delta_);
    (void)!::write(ready[1], store.ok() ? "y" : "n", 1);
    for (;;) pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  refused_to_write(delta_, "in use by another process", EBUSY);
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  close(ready[0]);
  close(ready[1]);
  EXPECT_TRUE(write(delta_).ok());
}

TEST_F(StoreTest, AForkedServerHoldsItOn) {
  pid_t child = -1;
  {
    sys::Result<Store> store = write(delta_);
    ASSERT_TRUE(store.ok());
    child = fork();
    if (child == 0) {
      for (;;) pause();
    }
  }
  refused_to_write(delta_, "in use by another process", EBUSY);
  kill(child, SIGKILL);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(write(delta_).ok());
}

TEST_F(StoreTest, AMakingThatWasCutShortIsMadeAnew) {
  for (int step = 0; step < 6; ++step) {
    fs::remove_all(delta_);
    fs::create_directories(delta_ / "meta");
    if (step > 0) write_file(delta_ / "meta" / "lock", "");
    if (step > 1) fs::create_directories(delta_ / "upper");
    if (step > 2) fs::create_directories(delta_ / "work" / "#probe" / "directory");
    if (step > 3) write_file(delta_ / "meta" / "origins", "torn");
    if (step > 4) write_file(delta_ / "meta" / "delta.new", "agentfense-del");
    sys::Result<Store> store = write(delta_);
    ASSERT_TRUE(store.ok()) << step << ": " << store.status().message();
    EXPECT_EQ(status_of(delta_ / "upper").st_mode, status_of(base_).st_mode) << step;
    EXPECT_TRUE(fs::is_empty(delta_ / "work")) << step;
    EXPECT_FALSE(fs::exists(delta_ / "meta" / "delta.new")) << step;
  }
}

TEST_F(StoreTest, KeepsTheTable) {
  sys::Result<Store> store = write(delta_);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(keep_table(*store, "first").ok());
  ASSERT_TRUE(keep_table(*store, std::string_view("se\0cond", 7)).ok());
  EXPECT_EQ(read_file(delta_ / "meta" / "table.aft"), std::string_view("se\0cond", 7));
  EXPECT_EQ(status_of(delta_ / "meta" / "table.aft").st_mode & 07777, 0600U);
  EXPECT_FALSE(fs::exists(delta_ / "meta" / "table.aft.new"));
}

TEST_F(StoreTest, AFileIsNone) {
  write_file(delta_, "text");
  refused(delta_, "it is not a directory");
}

TEST_F(StoreTest, AnAbsentOneIsMadeToWriteAlone) {
  EXPECT_EQ(read(delta_).error(), ENOENT);
  EXPECT_FALSE(fs::exists(delta_));
  refused_to_write(delta_ / "deeper", "there is no directory " + delta_.string());
  EXPECT_TRUE(write(delta_.string() + "/").ok());
}

TEST_F(StoreTest, ADanglingLinkIsNotFollowedToMakeOne) {
  ASSERT_EQ(symlink((top_ / "elsewhere").c_str(), delta_.c_str()), 0);
  refused_to_write(delta_, "a link that leads nowhere");
}

TEST_F(StoreTest, AnEmptyDirectoryHoldsNothingToRead) {
  fs::create_directory(delta_);
  EXPECT_THAT(read(delta_).status().message(), HasSubstr("it is empty"));
}

TEST_F(StoreTest, ForeignThings) {
  fs::create_directory(delta_);
  write_file(delta_ / "letter", "mine");
  refused(delta_, "holds something else");
  fs::create_directory(delta_ / "meta");
  refused(delta_, "holds something else");
}

TEST_F(StoreTest, OfAnotherBase) {
  make_used();
  fs::path other = top_ / "other";
  fs::create_directory(other);
  handle_ = sys::Fd(open(other.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  refused(delta_, "of another base, which was " + base_.string());
}

TEST_F(StoreTest, HalfDeleted) {
  for (const char *part : {"upper", "work", "meta", "meta/delta", "meta/origins"}) {
    make_used();
    fs::remove_all(delta_ / part);
    refused(delta_, std::string("half of it is missing: there is no ") +
                        (std::string_view(part) == "meta" ? "meta/delta" : part));
    fs::remove_all(delta_);
  }
}

TEST_F(StoreTest, PartsThatAreNoDirectories) {
  for (const char *part : {"upper", "work", "meta"}) {
    make_used();
    fs::rename(delta_ / part, delta_ / "moved");
    ASSERT_EQ(symlink("moved", (delta_ / part).c_str()), 0);
    refused(delta_, std::string("its ") + part + " is no directory");
    fs::remove(delta_ / part);
    write_file(delta_ / part, "");
    refused(delta_, std::string("its ") + part + " is no directory");
    fs::remove_all(delta_);
  }
}

TEST_F(StoreTest, OriginsThatAreNoFile) {
  make_used();
  fs::path name = delta_ / "meta" / "origins";
  fs::rename(name, delta_ / "meta" / "moved");
  ASSERT_EQ(symlink("moved", name.c_str()), 0);
  refused(delta_, "its meta/origins is no file");
  fs::remove(name);
  ASSERT_EQ(mkfifo(name.c_str(), 0600), 0);
  refused(delta_, "its meta/origins is no file");
  EXPECT_EQ(read_origins(sys::Fd(open((delta_ / "meta").c_str(), O_PATH | O_CLOEXEC)).get()).error(), EINVAL);
}

TEST_F(StoreTest, DamagedOrOfAnotherVersion) {
  make_used();
  fs::path name = delta_ / "meta" / "delta";
  std::string good = read_file(name);
  for (const std::string &bad : {std::string(), good.substr(0, good.size() - 1),
                                 "agentfense-delta 2" + good.substr(18), std::string(1 << 20, 'x')}) {
    write_file(name, bad);
    refused(delta_, "its meta/delta is damaged");
  }
  fs::remove(name);
  ASSERT_EQ(symlink((base_ / "file").c_str(), name.c_str()), 0);
  refused(delta_, "its meta/delta is damaged");
  fs::remove(name);
  ASSERT_EQ(mkfifo(name.c_str(), 0600), 0);
  refused(delta_, "its meta/delta is damaged");
}

TEST_F(StoreTest, InsideTheBase) {
  refused_to_write(base_ / "new", "it lies inside the base");
  refused_to_write(base_ / "sub" / "new", "it lies inside the base");
  refused(base_ / "sub", "it lies inside the base");
  refused(base_, "it lies inside the base");
  ASSERT_EQ(symlink((base_ / "sub").c_str(), delta_.c_str()), 0);
  refused(delta_, "it lies inside the base");
}

TEST_F(StoreTest, AroundTheBase) {
  refused(top_, "lies inside it");
  make_used();
  fs::path inner = delta_ / "upper" / "inner";
  fs::create_directory(inner);
  handle_ = sys::Fd(open(inner.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  base_ = inner;
  refused(delta_, "lies inside it");
}

// What follows needs file systems of its own: a process of its own mount namespace tries them.
class OnFileSystem : public StoreTest {
 protected:
  // Mounts it on top_/other, where the delta is to be, and runs `body` in a child; false where we may not mount.
  template <class Body>
  bool run(const char *type, const char *data, const Body &body) {
    fs::create_directory(top_ / "other");
    pid_t child = fork();
    if (child == 0) {
      if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        _exit(77);
      if (mount("none", (top_ / "other").c_str(), type, 0, data) != 0) _exit(77);
      delta_ = top_ / "other" / "delta";
      body();
      _exit(HasFailure() ? 1 : 0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return false;
    EXPECT_EQ(status, 0) << "see above";
    return true;
  }
  static void cannot_mount() {
    const char *must = std::getenv("AGENTFENSE_MUST_WORK");
    if (must != nullptr && std::string_view(must) == "1") FAIL() << "file systems cannot be mounted here";
    GTEST_SKIP() << "file systems cannot be mounted here";
  }
};

TEST_F(OnFileSystem, WithoutAttributes) {
  // ramfs keeps no user attributes.
  if (!run("ramfs", nullptr, [&] {
        refused_to_write(delta_, "its file system has no attributes user.* on files");
        EXPECT_FALSE(fs::exists(delta_));
        fs::create_directory(delta_);
        refused_to_write(delta_, "its file system has no attributes user.* on files");
        EXPECT_TRUE(fs::is_empty(delta_));
      })) {
    cannot_mount();
  }
}

TEST_F(OnFileSystem, WithoutRoom) {
  if (!run("tmpfs", "size=16k", [&] {
        write_file(top_ / "other" / "full", std::string(16 * 1024, 'x'));
        refused_to_write(delta_, "there is no room for it", ENOSPC);
        EXPECT_FALSE(fs::exists(delta_));
      })) {
    cannot_mount();
  }
}

TEST_F(OnFileSystem, WithoutRoomForWhatIsThere) {
  if (!run("tmpfs", "size=64k", [&] {
        make_used();
        { std::ofstream(top_ / "other" / "full") << std::string(64 * 1024, 'x'); }
        refused_to_write(delta_, "there is no room for it", ENOSPC);
      })) {
    cannot_mount();
  }
}

TEST_F(OnFileSystem, WithoutInodes) {
  for (int count = 3; count < 10; ++count) {
    std::string data = "nr_inodes=" + std::to_string(count);
    if (!run("tmpfs", data.c_str(), [&] { refused_to_write(delta_, "there is no room for it", ENOSPC); })) {
      return cannot_mount();
    }
    fs::remove_all(top_ / "other");
  }
}

TEST_F(OnFileSystem, ReadOnlyIsGoodForReading) {
  if (!run("tmpfs", nullptr, [&] {
        make_used();
        ASSERT_EQ(mount("none", (top_ / "other").c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
        EXPECT_TRUE(read(delta_).ok());
        refused_to_write(delta_, "its file system is read-only", EROFS);
        refused_to_write(top_ / "other" / "new", "its file system is read-only", EROFS);
      })) {
    cannot_mount();
  }
}

TEST_F(OnFileSystem, SomethingMountedOnAPart) {
  if (!run("tmpfs", nullptr, [&] {
        make_used();
        ASSERT_EQ(mount(base_.c_str(), (delta_ / "work").c_str(), nullptr, MS_BIND, nullptr), 0);
        refused(delta_, "something is mounted on its work");
        EXPECT_EQ(read_file(base_ / "file"), "of the base");
      })) {
    cannot_mount();
  }
}

}  // namespace
}  // namespace agentfense::delta
