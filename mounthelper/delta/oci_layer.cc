#include "mounthelper/delta/oci_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <unordered_map>

#include "mounthelper/delta/compare.h"
#include "mounthelper/delta/format.h"
#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/paths.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/tar_writer.h"
#include "mounthelper/delta/upper_walk.h"
#include "mounthelper/sys/beneath.h"
#include "mounthelper/sys/xattr_at.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr std::string_view kWhiteout = ".wh.";
constexpr const char *kOpaque = ".wh..wh..opq";
constexpr size_t kBuffer = 256 * 1024;
constexpr size_t kNamed = 10;  // paths in a message

std::map<std::string, std::string> attributes_of(int fd) {
  std::map<std::string, std::string> result;
  for (std::string &name : sys::attribute_names(fd)) {
    bool kept = name.starts_with("user.") ? !name.starts_with(kPrivatePrefix) : name == "security.capability";
    if (!kept) continue;
    std::string value;
    ssize_t got = 0;
    do {
      ssize_t need = fgetxattr(fd, name.c_str(), nullptr, 0);
      value.resize(static_cast<size_t>(std::max<ssize_t>(need, 0)));
      got = fgetxattr(fd, name.c_str(), value.data(), value.size());
    } while (got < 0 && errno == ERANGE);
    if (got < 0) continue;
    value.resize(static_cast<size_t>(got));
    result.emplace(std::move(name), std::move(value));
  }
  return result;
}

TarEntry entry_of(const struct stat &info, std::string path) {
  TarEntry entry;
  entry.path = std::move(path);
  entry.mode = info.st_mode & 07777;
  entry.uid = info.st_uid;
  entry.gid = info.st_gid;
  entry.mtime = info.st_mtim;
  return entry;
}

// Empty, and the same whoever made it.
TarEntry marker(const std::string &directory, std::string_view name) {
  TarEntry entry;
  entry.path = directory.empty() ? std::string(name) : directory + "/" + std::string(name);
  return entry;
}

// A walk that fails says where.
Status at_path(const std::string &path, const Status &status) {
  if (status.ok() || !status.message().empty()) return status;
  return Status::failure(status.error(), "cannot export " + quote_path(path) + ": " +
                                             std::strerror(status.error()) + "; mend that and run it again");
}

class LayerWriter {
 public:
  explicit LayerWriter(const LayerRequest &request) : request_(request), tar_(request.out) {}

  Result<LayerReport> run() {
    Status status = check_names();
    if (status.ok()) status = at_path("", add_root());
    if (status.ok()) {
      status = walk_upper(request_.store->upper.get(), [this](const UpperEntry &entry) {
        if (request_.progress) request_.progress(++done_);
        return at_path(entry.path, add(entry));
      });
      status = at_path("", status);
    }
    if (status.ok()) status = at_path("", tar_.finish());
    return status.ok() ? Result(std::move(report_)) : status;
  }

 private:
  Status check_names() const {
    size_t count = 0;
    std::string named;
    Status status = walk_upper(request_.store->upper.get(), [&](const UpperEntry &entry) {
      if (!std::string_view(entry.name).starts_with(kWhiteout)) return Status();
      if (++count <= kNamed) named += (named.empty() ? "" : ", ") + quote_path(entry.path);
      return Status();
    });
    if (!status.ok()) return at_path("", status);
    if (count == 0) return {};
    if (count > kNamed) named += " and " + std::to_string(count - kNamed) + " more";
    return Status::failure(
        EINVAL, "a layer cannot hold names that begin with .wh., which are its marks of deletion: " + named +
                    "; rename or discard them first");
  }

  Status add_root() {
    sys::Fd root(openat(request_.store->upper.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat info {};
    if (!root || fstat(root.get(), &info) != 0) return sys::errno_status();
    TarEntry entry = entry_of(info, "./");
    entry.type = TarEntry::directory;
    entry.attributes = attributes_of(root.get());
    return tar_.add(entry);
  }

  Status add(const UpperEntry &at) {
    std::string directory(parent_of(at.path));
    if (is_whiteout(at.info)) return tar_.add(marker(directory, std::string(kWhiteout) + at.name));
    if (S_ISDIR(at.info.st_mode)) return add_directory(at);
    if (S_ISSOCK(at.info.st_mode)) {
      report_.left_out.push_back(at.path);
      return {};
    }
    TarEntry entry = entry_of(at.info, at.path);
    if (at.info.st_nlink > 1) {
      auto [first, fresh] = first_name_.try_emplace(at.info.st_ino, at.path);
      if (!fresh) {
        entry.type = TarEntry::hard_link;
        entry.link_target = first->second;
        return tar_.add(entry);
      }
    }
    return S_ISREG(at.info.st_mode) ? add_file(at, entry) : add_special(at, entry);
  }

  Status add_directory(const UpperEntry &at) {
    sys::Fd fd(openat(at.directory, at.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return sys::errno_status();
    TarEntry entry = entry_of(at.info, at.path + "/");
    entry.type = TarEntry::directory;
    entry.attributes = attributes_of(fd.get());
    if (Status status = tar_.add(entry); !status.ok()) return status;
    Result<bool> opaque = is_opaque(at.directory, at.name);
    if (!opaque.ok()) return opaque.status();
    bool hides = *opaque && sys::open_dir_beneath(request_.base, at.path).ok();
    return hides ? tar_.add(marker(at.path, kOpaque)) : Status();
  }

  Status add_file(const UpperEntry &at, TarEntry &entry) {
    sys::Fd fd(openat(at.directory, at.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) return sys::errno_status();
    entry.size = static_cast<uint64_t>(at.info.st_size);
    entry.attributes = attributes_of(fd.get());
    Status status = tar_.add(entry);
    std::string buffer(kBuffer, '\0');
    for (uint64_t left = entry.size; status.ok() && left > 0;) {
      ssize_t got = read(fd.get(), buffer.data(), std::min<uint64_t>(buffer.size(), left));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return sys::errno_status();
      if (got == 0) return Status::failure(ESTALE);  // it became shorter
      status = tar_.data(std::string_view(buffer).substr(0, static_cast<size_t>(got)));
      left -= static_cast<uint64_t>(got);
    }
    return status.ok() ? tar_.end_data() : status;
  }

  Status add_special(const UpperEntry &at, TarEntry &entry) {
    entry.device = at.info.st_rdev;
    if (S_ISLNK(at.info.st_mode)) {
      Result<std::string> target = read_link(at.directory, at.name);
      if (!target.ok()) return target.status();
      entry.type = TarEntry::symlink;
      entry.link_target = *target;
      entry.device = 0;
    } else if (S_ISFIFO(at.info.st_mode)) {
      entry.type = TarEntry::fifo;
    } else {
      entry.type = S_ISCHR(at.info.st_mode) ? TarEntry::device_c : TarEntry::device_b;
    }
    return tar_.add(entry);
  }

  const LayerRequest &request_;
  TarWriter tar_;
  LayerReport report_;
  size_t done_ = 0;
  std::unordered_map<uint64_t, std::string> first_name_;
};

}  // namespace

Result<LayerReport> write_layer(const LayerRequest &request) { return LayerWriter(request).run(); }

}  // namespace agentfense::delta
