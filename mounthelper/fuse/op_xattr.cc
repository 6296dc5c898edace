#include <fcntl.h>
#include <sys/xattr.h>

#include "mounthelper/fuse/caller.h"
#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"
#include "mounthelper/view/xattr_names.h"

namespace agentfense::fuse {
namespace {

// A descriptor that attribute calls take. Only regular files and directories carry user attributes;
// `other` is the answer for the rest.
sys::Result<FileRef> attribute_file(View &view, view::NodeId id, const view::NodeView &node, int other) {
  if (S_ISREG(node.file.type)) {
    view.housekeeper->wake();
    auto file = view.files.file(id, false);
    if (!file.ok() && file.error() == EACCES) return view.files.file(id, true);
    return file;
  }
  if (!S_ISDIR(node.file.type)) return sys::Status::failure(other);
  auto directory = view.files.directory(id);
  if (!directory.ok()) return directory;
  auto file = std::make_shared<OpenFile>();
  file->fd.reset(openat((*directory)->fd.get(), ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!file->fd) return sys::errno_status();
  return file;
}

// Decides a change by name and by node, then makes it by change(fd) -> 0 or -1 with errno.
template <class Change>
void change_attribute(fuse_req_t request, view::NodeId id, const char *name, const Change &change) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (int error = refuse(view, view::Op::change, view.info(*node), S_ISDIR(node->file.type))) {
    return reply_error(request, error);
  }
  if (int error = view::decide_xattr_change(name)) return reply_error(request, error);
  if (sys::Status ready = view.names->prepare(id, Names::kWhole); !ready.ok())
    return reply_status(request, ready);
  auto file = attribute_file(view, id, *node, EPERM);
  if (!file.ok()) return reply_status(request, file.status());
  ActAsCaller caller(request, view);
  if (caller.error() != 0) return reply_error(request, caller.error());
  reply_error(request, change((*file)->fd.get()) == 0 ? 0 : errno);
}

// A size of 0 asks how much room is needed.
void reply_value(fuse_req_t request, const std::vector<char> &value, size_t size) {
  if (size == 0) {
    (void)fuse_reply_xattr(request, value.size());
  } else if (value.size() > size) {
    reply_error(request, ERANGE);
  } else {
    (void)fuse_reply_buf(request, value.data(), value.size());
  }
}

// read(buffer, size) is fgetxattr or flistxattr: the whole of what it gives.
template <class Read>
sys::Result<std::vector<char>> read_whole(const Read &read) {
  for (;;) {
    ssize_t need = read(nullptr, 0);
    if (need < 0) return sys::errno_status();
    std::vector<char> value(static_cast<size_t>(need));
    if (need == 0) return value;
    ssize_t got = read(value.data(), value.size());
    if (got < 0 && errno == ERANGE) continue;  // it grew in between
    if (got < 0) return sys::errno_status();
    value.resize(static_cast<size_t>(got));
    return value;
  }
}

}  // namespace

void op_setxattr(fuse_req_t request, fuse_ino_t id, const char *name, const char *value, size_t size,
                 int flags) {
  change_attribute(request, id, name, [&](int fd) { return fsetxattr(fd, name, value, size, flags); });
}

void op_removexattr(fuse_req_t request, fuse_ino_t id, const char *name) {
  change_attribute(request, id, name, [&](int fd) { return fremovexattr(fd, name); });
}

// The name decides first: the kernel asks for security.capability at every write.
void op_getxattr(fuse_req_t request, fuse_ino_t id, const char *name, size_t size) {
  View &view = view_of(request);
  if (int error = view::decide_xattr_read(name)) return reply_error(request, error);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (int error = refuse(view, view::Op::read, view.info(*node), S_ISDIR(node->file.type))) {
    return reply_error(request, error);
  }
  auto file = attribute_file(view, id, *node, ENODATA);
  if (!file.ok()) return reply_status(request, file.status());
  auto content =
      read_whole([&](char *buffer, size_t room) { return fgetxattr((*file)->fd.get(), name, buffer, room); });
  if (!content.ok()) return reply_status(request, content.status());
  reply_value(request, *content, size);
}

// Names of attributes are content: below read there are none.
void op_listxattr(fuse_req_t request, fuse_ino_t id, size_t size) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (view.info(*node).level < table::Level::read) return reply_value(request, {}, size);
  auto file = attribute_file(view, id, *node, ENODATA);
  if (!file.ok()) {
    // Neither a kind without attributes nor a file that we may not read makes listing an error.
    if (file.error() == ENODATA || file.error() == EACCES) return reply_value(request, {}, size);
    return reply_status(request, file.status());
  }
  auto names =
      read_whole([&](char *buffer, size_t room) { return flistxattr((*file)->fd.get(), buffer, room); });
  if (!names.ok()) return reply_status(request, names.status());
  reply_value(request, view::filter_xattr_list({names->data(), names->size()}), size);
}

}  // namespace agentfense::fuse
