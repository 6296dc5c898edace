#include "mounthelper/fuse/view.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

#include "mounthelper/view/attributes.h"
#include "mounthelper/view/reserved_names.h"

namespace agentfense::fuse {
namespace {

std::vector<gid_t> current_groups() {
  std::vector<gid_t> groups(static_cast<size_t>(std::max(0, getgroups(0, nullptr))));
  int got = getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<size_t>(std::max(0, got)));
  return groups;
}

// The map of an unprivileged user namespace: one line, one number.
bool only_one_group_mapped() {
  std::ifstream map("/proc/self/gid_map");
  uint64_t inside = 0, outside = 0, count = 0, more = 0;
  return map >> inside >> outside >> count && count == 1 && !(map >> more);
}

sys::Fd upper_root(const ViewOptions &options) {
  return options.delta == nullptr ? sys::Fd()
                                  : sys::Fd(fcntl(options.delta->upper.get(), F_DUPFD_CLOEXEC, 0));
}

// The root's own file: the upper layer's where there is one.
struct stat top_root(const struct stat &base_root, const ViewOptions &options) {
  struct stat info = base_root;
  if (options.delta != nullptr) (void)fstat(options.delta->upper.get(), &info);
  return info;
}

view::Layering root_layering(const struct stat &base_root, const ViewOptions &options) {
  if (options.delta == nullptr) return {};
  return {view::Layering::kBase | view::Layering::kUpper, false, base_root.st_ino};
}

}  // namespace

View::View(sys::Fd base, const struct stat &root, table::Table given, const ViewOptions &wanted)
    : options(wanted),
      table(std::move(given)),
      nodes(base_file(top_root(root, wanted)), {table.root(), table.info(table.root()).level},
            root_layering(root, wanted)),
      root_device(root.st_dev),
      files(std::move(base), upper_root(wanted), nodes, mutex,
            wanted.coherence == ViewOptions::Coherence::live, wanted.ask_open),
      usage(wanted.delta != nullptr ? wanted.delta->upper.get() : -1, wanted.delta_limit,
            [this] { return files.unnamed_bytes(); }),
      own_user(geteuid()),
      own_group(getegid()),
      own_groups(current_groups()),
      one_group(only_one_group_mapped()) {}

std::optional<view::NodeView> View::node(view::NodeId id) {
  std::lock_guard lock(mutex);
  return nodes.view(id);
}

table::StateInfo View::info(const view::NodeView &node) const {
  table::StateInfo info = table.info(node.standing.state);
  info.level = node.standing.level;
  // The mount's own root is there and lists, empty, under a policy that shows nothing at all. No other
  // node can have its state then.
  if (node.standing.state == table.root()) info.visible_below = true;
  return info;
}

struct stat View::shown(const Seen &file, const table::StateInfo &info) const {
  struct stat stat = view::stat_in_view(file.info, info, root_device);
  if (file.layering.number != 0) stat.st_ino = file.layering.number;
  // The kernel refuses every write to a file whose group the namespace does not know, its owner's too.
  // The owner's rights do not come from the group, so the name of it may be ours.
  if (one_group && stat.st_uid == own_user) stat.st_gid = own_group;
  return stat;
}

sys::Result<Target> View::target(view::NodeId parent, const char *name) {
  std::optional<view::NodeView> above = node(parent);
  if (!above || !S_ISDIR(above->file.type)) return sys::Status::failure(ESTALE);
  table::StateId state = table.step(above->standing.state, name);
  table::StateInfo info = view::info_of(table, state, name);
  return Target{parent, name, {state, info.level}, info};
}

view::NodeId View::remember(const Target &target, Seen &seen) {
  std::lock_guard lock(mutex);
  view::NodeId id =
      nodes.remember(target.parent, target.name, base_file(seen.info), target.standing, seen.layering);
  if (seen.layering.in_upper() && seen.layering.number == 0) {
    seen.layering.number = nodes.view(id)->layering.number;
  }
  return id;
}

void View::forget(view::NodeId node, uint64_t count) {
  std::vector<view::NodeId> gone;
  {
    std::lock_guard lock(mutex);
    nodes.forget(node, count, gone);
  }
  release(gone);
}

void View::drop_name(view::NodeId parent, const char *name) {
  std::vector<view::NodeId> gone;
  {
    std::lock_guard lock(mutex);
    nodes.drop_name(parent, name, gone);
  }
  release(gone);
}

void View::release(const std::vector<view::NodeId> &gone) {
  if (!gone.empty()) usage.changed(-files.release(gone));
}

void View::changed(view::NodeId node) {
  std::vector<view::NodeId> others;
  {
    std::lock_guard lock(mutex);
    others = nodes.siblings(node);
  }
  housekeeper->invalidate(others);
}

}  // namespace agentfense::fuse
