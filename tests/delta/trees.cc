#include "tests/delta/trees.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "mounthelper/delta/format.h"

namespace agentfense::delta_test {
namespace {

void must(bool done, const std::string &what) {
  if (!done) throw std::runtime_error(what + ": " + std::strerror(errno));
}

int open_path(const std::string &path) { return open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }

}  // namespace

Layers::Layers() {
  std::string name = (std::filesystem::temp_directory_path() / "agentfense-delta-XXXXXX").string();
  must(mkdtemp(name.data()) != nullptr, name);
  path_ = name;
  for (const char *part : {"/base", "/delta", "/delta/upper", "/delta/work", "/delta/meta"}) {
    must(mkdir((path_ + part).c_str(), 0755) == 0, part);
  }
  base_.reset(open_path(path_ + "/base"));
  store_.upper.reset(open_path(path_ + "/delta/upper"));
  store_.meta.reset(open_path(path_ + "/delta/meta"));
  std::string probe = path_ + "/delta/work/probe";
  usable_ = mkdir(probe.c_str(), 0755) == 0 &&
            setxattr(probe.c_str(), "user.overlay.opaque", "y", 1, 0) == 0 &&
            mknod((probe + "/w").c_str(), S_IFCHR, makedev(0, 0)) == 0;
}

Layers::~Layers() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Layers::make(const std::string &root, const Tree &tree) {
  for (const auto &[name, node] : tree) {
    std::string path = root + "/" + name;
    switch (node.type) {
      case Node::directory:
        must(mkdir(path.c_str(), 0755) == 0, path);
        break;
      case Node::file:
        must(static_cast<bool>(std::ofstream(path, std::ios::binary) << node.content << std::flush), path);
        break;
      case Node::symlink:
        must(::symlink(node.content.c_str(), path.c_str()) == 0, path);
        break;
      case Node::fifo:
        must(mkfifo(path.c_str(), 0644) == 0, path);
        break;
      case Node::whiteout:
        must(mknod(path.c_str(), S_IFCHR, makedev(0, 0)) == 0, path);
        break;
    }
    if (node.type != Node::symlink && node.type != Node::whiteout) {
      must(chmod(path.c_str(), node.mode) == 0, path);
    }
    if (node.opaque) must(setxattr(path.c_str(), "user.overlay.opaque", "y", 1, 0) == 0, path);
    for (const auto &[key, value] : node.attributes) {
      must(setxattr(path.c_str(), key.c_str(), value.data(), value.size(), 0) == 0, path + " " + key);
    }
  }
}

uint64_t Layers::base_inode(const std::string &path) const {
  struct stat info {};
  must(fstatat(base(), path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0, path);
  return info.st_ino;
}

void Layers::note_origin(const std::string &upper_path, uint64_t number) const {
  delta::note_origin(store_.upper.get(), upper_path.c_str(), number);
}

}  // namespace agentfense::delta_test
