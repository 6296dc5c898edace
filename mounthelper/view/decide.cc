#include "mounthelper/view/decide.h"

#include <fcntl.h>

#include <cerrno>

namespace agentfense::view {
namespace {

Level needed(Op op) {
  switch (op) {
    case Op::look:
    case Op::read_link:
      return Level::view;
    case Op::read:
      return Level::read;
    case Op::change:
    case Op::create:
    case Op::remove:
      return Level::write;
  }
  return Level::write;
}

// A directory that moves takes everything below it along, seen and unseen.
int decide_move(const RenameEnd &from, const RenameEnd &to) {
  if (!from.is_directory) return 0;
  return from.info.alike == to.info.alike ? 0 : EXDEV;
}

}  // namespace

int decide(Op op, const StateInfo &info, bool is_directory) {
  if (op == Op::create) return info.level == Level::write ? 0 : EACCES;
  if (!visible(info, is_directory)) return ENOENT;
  if (op == Op::look) return 0;
  return info.level >= needed(op) ? 0 : EACCES;
}

int decide_rename(const RenameEnd &from, const RenameEnd &to, bool exchange, Hidden hidden) {
  if (int error = decide(Op::remove, from.info, from.is_directory)) return error;
  if (int error = decide(Op::create, to.info, false)) return error;
  if (int error = decide_move(from, to)) return error;
  if (exchange) return decide_move(to, from);
  if (hidden == Hidden::does_not_count) return 0;
  bool may_hold_hidden = !to.info.uniform_below || to.info.below == Level::none;
  if (from.is_directory && to.exists && to.is_directory && may_hold_hidden) return EXDEV;
  return 0;
}

int decide_open(int flags, const StateInfo &info) {
  bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
  bool reads = (flags & O_ACCMODE) != O_WRONLY;
  if (reads) {
    if (int error = decide(Op::read, info, false)) return error;
  }
  return writes ? decide(Op::change, info, false) : 0;
}

}  // namespace agentfense::view
