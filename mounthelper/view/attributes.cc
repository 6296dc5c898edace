#include "mounthelper/view/attributes.h"

namespace agentfense::view {
namespace {

constexpr mode_t kSetId = S_ISUID | S_ISGID;
constexpr mode_t kWrite = S_IWUSR | S_IWGRP | S_IWOTH;
constexpr mode_t kAll = S_IRWXU | S_IRWXG | S_IRWXO;
constexpr off_t kDirectorySize = 4096;

uint64_t mix(uint64_t x) {  // splitmix64's finisher: spreads close numbers over all 64 bits
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

}  // namespace

mode_t mode_in_view(mode_t base_mode, const table::StateInfo &info) {
  mode_t mode = base_mode & ~kSetId;
  if (S_ISLNK(mode)) return mode;  // a symlink's bits mean nothing and are the same everywhere
  if (S_ISDIR(mode)) {
    bool may_change = info.level == table::Level::write || info.writable_child;
    return may_change ? mode : mode & ~kWrite;
  }
  if (info.level < table::Level::read) return mode & ~kAll;
  if (info.level < table::Level::write) return mode & ~kWrite;
  return mode;
}

uint64_t inode_in_view(uint64_t dev, uint64_t ino, uint64_t root_dev) {
  return dev == root_dev ? ino : ino ^ mix(dev + 0x9e3779b97f4a7c15);
}

struct stat stat_in_view(const struct stat &base, const table::StateInfo &info, uint64_t root_dev) {
  struct stat shown = base;
  shown.st_mode = mode_in_view(base.st_mode, info);
  shown.st_ino = inode_in_view(base.st_dev, base.st_ino, root_dev);
  if (S_ISDIR(base.st_mode)) {
    shown.st_size = kDirectorySize;
    shown.st_blocks = 0;
    shown.st_nlink = 1;
  }
  return shown;
}

}  // namespace agentfense::view
