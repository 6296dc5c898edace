#include "mounthelper/fuse/names.h"

#include "mounthelper/fuse/view.h"

namespace agentfense::fuse {

std::optional<view::NodeId> Names::known(View &view, const Target &target) {
  std::lock_guard lock(view.mutex);
  return view.nodes.find(target.parent, target.name);
}

void Names::removed(View &view, const Target &target, std::optional<view::NodeId> node, FileRef held) {
  if (!node) return;
  view.files.keep(*node, std::move(held));
  view.drop_name(target.parent, target.name);
  view.changed(*node);
}

void Names::renamed(View &view, const Target &from, const Target &to, bool exchange) {
  std::vector<view::NodeId> gone;
  {
    std::lock_guard lock(view.mutex);
    if (exchange) {
      view.nodes.exchange(from.parent, from.name, from.standing, to.parent, to.name, to.standing, gone);
    } else {
      view.nodes.rename(from.parent, from.name, to.parent, to.name, to.standing, gone);
    }
  }
  view.release(gone);
}

}  // namespace agentfense::fuse
