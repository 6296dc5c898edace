#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <memory>

#include "mounthelper/fuse/operations.h"
#include "mounthelper/fuse/reply.h"
#include "mounthelper/sys/read_directory.h"

namespace agentfense::fuse {
namespace {

using view::Listing;

// A directory changed this recently may change again without its time stamp telling.
constexpr time_t kSettled = 1;

sys::Result<std::shared_ptr<const Listing>> read_listing(View &view, view::NodeId id, table::StateId state) {
  auto listing = std::make_shared<Listing>();
  std::vector<std::string> unsure;  // shown only as directories, and of a type that the listing does not tell
  auto wanted = [&](std::string_view name) {
    return view::shown(view.table, state, name) != view::Shown::no;
  };
  sys::Status status = view.names->list(id, wanted, [&](const sys::RawEntry &entry) {
    bool if_directory = view::shown(view.table, state, entry.name) == view::Shown::if_directory;
    if (if_directory && entry.type == DT_UNKNOWN) {
      unsure.emplace_back(entry.name);
    } else if (!if_directory || entry.type == DT_DIR) {
      listing->add(entry.name, entry.ino, entry.type);
    }
  });
  if (!status.ok()) return status;
  for (const std::string &name : unsure) {
    auto seen = view.names->look(id, name.c_str());
    if (!seen.ok() || !S_ISDIR(seen->info.st_mode)) continue;
    listing->add(name, view.shown(*seen, {}).st_ino, DT_DIR);
  }
  listing->finish();
  return std::shared_ptr<const Listing>(std::move(listing));
}

sys::Result<std::shared_ptr<const Listing>> listing_at(View &view, view::NodeId id, table::StateId state,
                                                       off_t offset) {
  if (offset != 0) {
    if (auto known = view.listings.find(id)) return known;
  }
  auto listing = read_listing(view, id, state);
  if (listing.ok()) view.listings.put(id, *listing);
  return listing;
}

// Answers under construction: as many entries as `size` takes.
class Answer {
 public:
  Answer(fuse_req_t request, size_t size, bool plus)
      : request_(request), plus_(plus), size_(size), buffer_(new char[size]) {}

  [[nodiscard]] bool fits(const char *name) const {
    size_t need = plus_ ? fuse_add_direntry_plus(request_, nullptr, 0, name, nullptr, 0)
                        : fuse_add_direntry(request_, nullptr, 0, name, nullptr, 0);
    return used_ + need <= size_;
  }

  // REQUIRES: fits(name).
  void add(const char *name, const fuse_entry_param &entry, uint64_t position) {
    char *at = buffer_.get() + used_;
    off_t next = static_cast<off_t>(position);
    used_ += plus_ ? fuse_add_direntry_plus(request_, at, size_ - used_, name, &entry, next)
                   : fuse_add_direntry(request_, at, size_ - used_, name, &entry.attr, next);
  }

  int send() { return fuse_reply_buf(request_, buffer_.get(), used_); }

 private:
  fuse_req_t request_;
  bool plus_;
  size_t size_;
  size_t used_ = 0;
  std::unique_ptr<char[]> buffer_;
};

// "." and "..": their numbers are looked at by nobody who could not stat them; no reference is given.
void add_dots(Answer &answer, uint64_t offset, const view::NodeView &node, const View &view) {
  fuse_entry_param entry{};
  uint64_t own = view::inode_in_view(node.file.dev, node.file.ino, view.root_device);
  entry.attr.st_ino = node.layering.number != 0 ? node.layering.number : own;
  entry.attr.st_mode = S_IFDIR;
  if (offset < Listing::kDot && answer.fits(".")) answer.add(".", entry, Listing::kDot);
  if (offset < Listing::kDotDot && answer.fits("..")) answer.add("..", entry, Listing::kDotDot);
}

// Fills `entry` with all that a lookup would say. False where the name shows nothing any more.
bool look(View &view, view::NodeId parent, const char *name, fuse_entry_param &entry) {
  auto target = view.target(parent, name);
  if (!target.ok()) return false;
  auto steady = view.names->steady();
  auto seen = view.names->look(parent, name);
  if (!seen.ok() || !view::visible(target->info, S_ISDIR(seen->info.st_mode))) return false;
  entry = make_entry(view, *target, *seen);
  return true;
}

// False where the name shows nothing any more.
bool look_for_number(View &view, view::NodeId parent, const char *name, fuse_entry_param &entry) {
  auto seen = view.names->look(parent, name);
  if (seen.ok()) entry.attr.st_ino = view.shown(*seen, {}).st_ino;
  return seen.ok();
}

void list(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, bool plus) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (!S_ISDIR(node->file.type)) return reply_error(request, ENOTDIR);
  if (int error = refuse(view, view::Op::look, view.info(*node), true)) return reply_error(request, error);
  auto listing = listing_at(view, id, node->standing.state, offset);
  if (!listing.ok()) return reply_status(request, listing.status());
  view.housekeeper->wake();

  Answer answer(request, size, plus);
  uint64_t position = static_cast<uint64_t>(offset);
  add_dots(answer, position, *node, view);
  std::vector<view::NodeId> given;
  for (size_t i = (*listing)->first_after(position); i < (*listing)->size(); ++i) {
    Listing::Entry item = (*listing)->entry(i);
    if (!answer.fits(item.name.data())) break;
    fuse_entry_param entry{};
    entry.attr.st_ino = item.ino;
    if (!plus && item.ino == 0 && !look_for_number(view, id, item.name.data(), entry)) continue;
    entry.attr.st_mode = static_cast<mode_t>(item.type) << 12;  // DTTOIF
    if (plus) {
      if (!look(view, id, item.name.data(), entry)) continue;
      given.push_back(entry.ino);
    }
    answer.add(item.name.data(), entry, item.position);
  }
  if (answer.send() == 0) return;
  for (view::NodeId each : given) view.forget(each, 1);
}

}  // namespace

// Asked for in live coherence alone: a listing is cached by the kernel only where the directory's time
// stamp will tell of the next change.
void op_opendir(fuse_req_t request, fuse_ino_t id, fuse_file_info *info) {
  View &view = view_of(request);
  auto node = view.node(id);
  if (!node) return reply_error(request, ESTALE);
  if (int error = refuse(view, view::Op::look, view.info(*node), true)) return reply_error(request, error);
  auto attributes = view.files.attributes(id);
  if (!attributes.ok()) return reply_status(request, attributes.status());
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  bool settled = view.names->stamp_tells(*node) && now.tv_sec - attributes->st_mtim.tv_sec > kSettled;
  info->cache_readdir = settled;
  info->keep_cache = settled;
  (void)fuse_reply_open(request, info);
}

void op_readdir(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info *) {
  list(request, id, size, offset, false);
}

void op_readdirplus(fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, fuse_file_info *) {
  list(request, id, size, offset, true);
}

void op_fsyncdir(fuse_req_t request, fuse_ino_t id, int data_only, fuse_file_info *) {
  View &view = view_of(request);
  auto directory = view.files.directory(id);
  if (!directory.ok()) return reply_status(request, directory.status());
  sys::Fd open(openat((*directory)->fd.get(), ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!open) return reply_error(request, errno);
  int result = data_only ? fdatasync(open.get()) : fsync(open.get());
  reply_error(request, result == 0 ? 0 : errno);
}

}  // namespace agentfense::fuse
