#include "mounthelper/delta/inspect.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "mounthelper/delta/origins.h"
#include "mounthelper/delta/probe.h"
#include "mounthelper/sys/read_directory.h"
#include "mounthelper/sys/whole_file.h"

namespace agentfense::delta {
namespace {

using sys::Fd;
using sys::Result;
using sys::Status;

constexpr std::array<const char *, 3> kParts = {"upper", "work", "meta"};
constexpr size_t kMaxIdentity = 64 * 1024;  // a path of 4096 bytes, escaped, and the rest

Result<std::set<std::string>> names_in(int directory) {
  Result<std::vector<std::string>> found = sys::names_in(directory);
  if (!found.ok()) return explain(found.error(), "read it");
  return std::set<std::string>(found->begin(), found->end());
}

bool only_holds(const std::set<std::string> &names, std::initializer_list<std::string_view> allowed) {
  return std::all_of(names.begin(), names.end(), [&](const std::string &name) {
    return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
  });
}

Status half_missing(const std::string &what) {
  return Status::failure(EBADMSG, "half of it is missing: there is no " + what +
                                      "; put it back from where it was saved, or name a new directory");
}

// mount_id as statx(2) has it, 0 where the kernel does not say.
uint64_t mount_of(int fd) {
  struct statx info {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0) return 0;
  return (info.stx_mask & STATX_MNT_ID) != 0 ? info.stx_mnt_id : 0;
}

// Without it every change would seem to be in conflict with the base.
Status check_origins(int meta) {
  struct stat info {};
  if (fstatat(meta, kOriginsName, &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? half_missing("meta/origins") : explain(errno, "look at its meta/origins");
  }
  if (S_ISREG(info.st_mode)) return {};
  return Status::failure(EINVAL, "its meta/origins is no file; put back the file, or name a new directory");
}

// What may lie in a part before meta/delta is written.
bool is_of_the_making(std::string_view part, std::string_view name) {
  if (part == "work") return name.starts_with('#');
  return part == "meta" && (name == "lock" || name.starts_with("delta.") || name.starts_with("origins"));
}

// Without meta/delta: what a crash left of a new delta, or half of an old one.
Result<Finding> inspect_unnamed(int directory, const std::set<std::string> &names) {
  for (const char *part : kParts) {
    if (!names.contains(part)) continue;
    Result<Fd> fd = open_part(directory, part);
    if (!fd.ok()) return fd.status();
    Result<std::set<std::string>> inner = names_in(fd->get());
    if (!inner.ok()) return inner.status();
    bool empty = std::all_of(inner->begin(), inner->end(),
                             [&](const std::string &name) { return is_of_the_making(part, name); });
    if (!empty) return half_missing("meta/delta");
  }
  if (!names.contains("meta")) return half_missing("meta/delta");
  return Finding::unfinished;
}

}  // namespace

Result<Fd> open_part(int directory, const char *name) {
  Fd fd(openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return half_missing(name);
  if (!fd && (errno == ENOTDIR || errno == ELOOP)) {
    return Status::failure(
        ENOTDIR, std::string("its ") + name + " is no directory; put back the directory, or name a new one");
  }
  if (!fd) return explain(errno, std::string("open its ") + name);
  if (mount_of(fd.get()) != mount_of(directory)) {
    return Status::failure(EXDEV, std::string("something is mounted on its ") + name + "; unmount that");
  }
  return fd;
}

Result<Finding> inspect(int directory, const Identity &wanted) {
  Result<std::set<std::string>> names = names_in(directory);
  if (!names.ok()) return names.status();
  if (names->empty()) return Finding::empty;

  Status foreign =
      Status::failure(EEXIST, "it holds something else than a delta; name a new or an empty directory");
  if (!names->contains("meta") && !only_holds(*names, {"upper", "work"})) return foreign;
  if (!names->contains("meta")) return inspect_unnamed(directory, *names);
  Result<Fd> meta = open_part(directory, "meta");
  if (!meta.ok()) return meta.status();
  Result<std::string> text = sys::read_whole(meta->get(), kIdentityName, kMaxIdentity);
  if (!text.ok() && text.error() == ENOENT) {
    return only_holds(*names, {"upper", "work", "meta"}) ? inspect_unnamed(directory, *names) : foreign;
  }
  if (!text.ok() && text.error() != EFBIG && text.error() != EINVAL && text.error() != ELOOP) {
    return explain(text.error(), "read its meta/delta");
  }
  std::optional<Identity> identity = text.ok() ? parse_identity(*text) : std::nullopt;
  if (!identity) {
    return Status::failure(EBADMSG,
                           "its meta/delta is damaged, or of another version of mount.agentfense; put it "
                           "back from where it was saved, or name a new directory");
  }
  for (const char *part : kParts) {
    if (Result<Fd> fd = open_part(directory, part); !fd.ok()) return fd.status();
  }
  if (Status status = check_origins(meta->get()); !status.ok()) return status;
  if (!same_base(*identity, wanted)) {
    return Status::failure(EXDEV, "it is a delta of another base, which was " + identity->base_path +
                                      "; name that base, or a new directory");
  }
  return Finding::whole;
}

}  // namespace agentfense::delta
