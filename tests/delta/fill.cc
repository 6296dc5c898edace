#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>

#include "tests/delta/content.h"
#include "tests/delta/tree.h"

namespace agentfense::testing {
namespace {

using Random = std::mt19937_64;

void must(bool good, const std::string &what) {
  if (good) return;
  std::perror(what.c_str());
  std::exit(2);
}

template <class T>
const T &one_of(Random &random, const std::vector<T> &all) {
  return all[random() % all.size()];
}

// The time is set by the caller, once nothing is made in it any more.
void set_time(const std::string &path, int64_t seconds) {
  const timespec times[2] = {{seconds, 987'654'321}, {seconds, 123'456'789}};
  must(utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0, path);
}

void make_file(const std::string &path, size_t size, uint64_t seed) {
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  must(fd >= 0, path);
  const std::string bytes = content(size, seed);
  // The large ones have a hole in front.
  const off_t hole = size > 100'000 ? 262'144 : 0;
  must(pwrite(fd, bytes.data(), bytes.size(), hole) == static_cast<ssize_t>(size), path);
  close(fd);
}

void make_leaf(const std::string &path, Random &random) {
  const uint64_t kind = random() % 20;
  const std::vector<size_t> sizes = {0, 1, 10, 10, 100, 100, 4096, 5000, 70'000, 300'000};
  const uint64_t seed = random();
  const size_t size = one_of(random, sizes);
  const mode_t mode = one_of<mode_t>(random, {0644, 0644, 0644, 0666, 0600, 0640, 0444, 0755, 0000});
  const uid_t owner = one_of<uid_t>(random, {0, 1000, 1000, 2000});
  if (kind == 0) {
    must(mkfifo(path.c_str(), 0644) == 0, path);
  } else if (kind < 3) {
    must(symlink(one_of<std::string>(random, {"a", "b/a", "nowhere", "c"}).c_str(), path.c_str()) == 0, path);
  } else {
    make_file(path, size, seed);
    if (kind < 6) must(setxattr(path.c_str(), "user.base", "of the base", 11, 0) == 0, path);
  }
  must(lchown(path.c_str(), owner, owner) == 0, path);
  if (kind == 0 || kind >= 3) must(chmod(path.c_str(), mode) == 0, path);
  set_time(path, static_cast<int64_t>(1'000'000'000 + seed % 100'000'000));
}

// Its own stream of random numbers, so that the rest of the tree does not depend on it.
void make_hidden(const std::string &directory, Random &random, bool always) {
  if (random() % 3 == 0 && !always) return;
  for (const char *name : {"hid", "x.key"}) {
    const std::string path = directory + "/" + name;
    const uint64_t kind = random() % 4;
    if (kind == 0) {
      must(mkdir(path.c_str(), 0755) == 0, path);
      make_leaf(path + "/a", random);
    } else if (kind < 3) {
      make_leaf(path, random);
    }
  }
}

// A directory that shows one entry alone.
void make_vault(const std::string &top, Random &random) {
  const std::string vault = top + "/vault";
  must(mkdir(vault.c_str(), 0755) == 0, vault);
  must(mkdir((vault + "/open").c_str(), 0777) == 0, vault);
  make_file(vault + "/open/a", 100, 1);
  for (const char *name : {"a", "b", "c"}) {
    if (random() % 2 == 0) make_leaf(vault + "/" + name, random);
  }
  for (const char *path : {"/open/a", "/open", ""}) set_time(vault + path, 1'000'000'000);
}

struct Filler {
  Random seen;
  Random unseen;
  bool with_hidden;

  void fill(const std::string &directory, int depth) {
    const uint64_t count = depth == 0 ? universe().size() - 2 : 1 + seen() % 5;
    std::set<std::string> names;
    while (names.size() < count) names.insert(one_of(seen, universe()));
    for (const std::string &name : names) {
      const std::string path = directory + "/" + name;
      if (depth < 4 && seen() % 5 < 2) {
        must(mkdir(path.c_str(), 0755) == 0, path);
        fill(path, depth + 1);
      } else {
        make_leaf(path, seen);
      }
    }
    if (with_hidden) make_hidden(directory, unseen, depth == 0);
    if (with_hidden && depth == 0) make_vault(directory, unseen);
    const uid_t owner = one_of<uid_t>(seen, {0, 1000, 1000, 2000});
    must(chown(directory.c_str(), owner, owner) == 0, directory);
    const mode_t mode = one_of<mode_t>(seen, {0755, 0755, 0777, 0777, 01777, 0700, 0555});
    must(chmod(directory.c_str(), depth == 0 ? 0777 : mode) == 0, directory);
    if (seen() % 6 == 0)
      must(setxattr(directory.c_str(), "user.base", "of a directory", 14, 0) == 0, directory);
    set_time(directory, static_cast<int64_t>(1'000'000'000 + seen() % 100'000'000));
  }
};

}  // namespace

const std::vector<std::string> &universe() {
  static const std::vector<std::string> kNames = {
      "a", "b", "c", "d", "e", ".wh.a", ".wh..wh..opq", "two words", "\xc3\xa9\xff", std::string(255, 'n')};
  return kNames;
}

void fill_tree(const std::string &top, uint64_t seed, uint64_t hidden) {
  umask(0);
  Filler{Random(seed), Random(hidden), hidden != 0}.fill(top, 0);
}

}  // namespace agentfense::testing
