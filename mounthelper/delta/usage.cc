#include "mounthelper/delta/usage.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "mounthelper/sys/beneath.h"
#include "mounthelper/sys/fd.h"
#include "mounthelper/sys/read_directory.h"

namespace agentfense::delta {
namespace {

constexpr int64_t kBlock = 512;  // st_blocks counts these, whatever the file system's are
// A full delta is walked for at most one part in five of the time, however often somebody asks for room.
constexpr int kRest = 4;

// The sum over a tree that may change meanwhile: what goes before it is looked at does not count.
class Count {
 public:
  explicit Count(int top) : top_(top) {}

  int64_t run() {
    while (!waiting_.empty()) {
      std::string path = std::move(waiting_.back());
      waiting_.pop_back();
      sys::Result<sys::Fd> place = sys::open_dir_beneath(top_, path);
      if (!place.ok()) continue;
      sys::Fd readable(openat(place->get(), ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!readable) continue;
      if (!path.empty()) path += '/';
      (void)sys::read_directory(
          readable.get(), [&](const sys::RawEntry &entry) { add(readable.get(), entry.name.data(), path); });
    }
    return sum_;
  }

 private:
  void add(int directory, const char *name, const std::string &above) {
    struct stat info {};
    if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return;
    sum_ += Usage::kEntry;
    if (S_ISDIR(info.st_mode)) {
      waiting_.push_back(above + name);
    } else if (info.st_nlink > 1 && !linked_.insert(info.st_ino).second) {
      return;
    }
    sum_ += static_cast<int64_t>(info.st_blocks) * kBlock;
  }

  const int top_;
  int64_t sum_ = 0;
  std::vector<std::string> waiting_{""};
  std::unordered_set<ino_t> linked_;
};

}  // namespace

Usage::Usage(int upper, uint64_t limit, std::function<int64_t()> unnamed)
    : upper_(upper), limit_(limit), unnamed_(std::move(unnamed)) {
  if (limited()) used_ = Count(upper_).run();
}

uint64_t Usage::used() const { return static_cast<uint64_t>(std::max<int64_t>(used_, 0)); }

bool Usage::fits(uint64_t bytes) const {
  uint64_t used = this->used();
  return used <= limit_ && bytes <= limit_ - used;
}

sys::Status Usage::room_for(uint64_t bytes) {
  if (!limited() || fits(bytes)) return {};
  if (bytes <= limit_) count_anew();
  return fits(bytes) ? sys::Status() : sys::Status::failure(ENOSPC);
}

void Usage::count_anew() {
  using Clock = std::chrono::steady_clock;
  std::lock_guard lock(mutex_);
  Clock::time_point begin = Clock::now();
  if (begin < next_count_) return;
  int64_t before = used_;
  int64_t counted = Count(upper_).run() + (unnamed_ ? unnamed_() : 0);
  used_ += counted - before;  // what others count meanwhile stays
  next_count_ = Clock::now() + kRest * (Clock::now() - begin);
}

void Usage::apply_to(struct statvfs &info) const {
  if (!limited() || info.f_frsize == 0) return;
  uint64_t used = this->used();
  uint64_t room = used < limit_ ? limit_ - used : 0;
  info.f_blocks = std::min<uint64_t>(info.f_blocks, limit_ / info.f_frsize);
  info.f_bfree = std::min<uint64_t>(info.f_bfree, room / info.f_frsize);
  info.f_bavail = std::min<uint64_t>(info.f_bavail, room / info.f_frsize);
}

}  // namespace agentfense::delta
