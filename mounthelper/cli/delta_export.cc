#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "mounthelper/cli/delta_commands.h"
#include "mounthelper/cli/delta_main.h"
#include "mounthelper/cli/delta_writing.h"
#include "mounthelper/delta/oci_layer.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/sys/below.h"
#include "mounthelper/sys/fd.h"

namespace agentfense::cli {
namespace {

constexpr const char *kFooter = R"(
Writes the delta as a layer of an OCI image whose layers below are the base: a tar file, with .wh. entries for what
is deleted. It appears under its name when it is complete. No view may write to the delta meanwhile.

Example:
  mount.agentfense delta export ~/delta --base ~/project --oci layer.tar

Exit status: 0 done; 2 wrong words or failure.)";

std::string cannot_write(const std::string &path) {
  return "cannot write " + path + ": " + std::strerror(errno) + "; check the path and its disk";
}

// A name that rename(2) would put the layer over: only a file may go for it, no device and no pipe.
bool may_replace(const std::string &path) {
  struct stat info {};
  return lstat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode);
}

// The layer under another name beside its own, until it is complete. Goes with the object, where nobody has put
// something else there.
class Unfinished {
 public:
  // errno where it cannot be made.
  explicit Unfinished(const std::string &path) {
    for (int tries = 0; tries < 100 && !file_; ++tries) {
      uint64_t number = 0;
      (void)!getrandom(&number, sizeof number, 0);  // a name that is taken is seen and another tried
      name_ = path + "." + std::to_string(number);
      file_.reset(open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
      if (!file_ && errno != EEXIST) return;
    }
  }
  Unfinished(const Unfinished &) = delete;
  Unfinished &operator=(const Unfinished &) = delete;
  ~Unfinished() {
    struct stat made {
    }, named{};
    bool ours = file_ && fstat(file_.get(), &made) == 0 && lstat(name_.c_str(), &named) == 0 &&
                sys::same_file(made, named);
    if (ours) (void)unlink(name_.c_str());
  }

  [[nodiscard]] int get() const { return file_ ? file_.get() : -1; }
  // False with errno.
  [[nodiscard]] bool finish(const std::string &path) {
    if (fsync(file_.get()) != 0 || rename(name_.c_str(), path.c_str()) != 0) return false;
    file_.reset();
    return true;
  }

 private:
  std::string name_;
  sys::Fd file_;
};

}  // namespace

int delta_export(std::span<const char *const> words) {
  DeltaArguments arguments;
  std::string path;
  CLI::App app("Writes the delta as a layer of an OCI image.", "mount.agentfense delta export");
  app.footer(kFooter);
  add_delta_options(app, arguments);
  app.add_option("--oci", path, "the tar file to write; one of that name is replaced")
      ->required()
      ->type_name("FILE");
  if (std::optional<int> answered = parse_words(app, words)) return *answered;

  sys::Result<OpenDelta> open_delta = open_delta_to_write(arguments, Writing::delta);
  if (!open_delta.ok()) return delta_fail(open_delta.status().message());
  if (sys::Status status = check_no_journal(*open_delta); !status.ok()) return delta_fail(status.message());
  if (!may_replace(path)) {
    return delta_fail("cannot replace " + path + ", which is no regular file; name a file for --oci");
  }
  Unfinished out(path);
  if (out.get() < 0) return delta_fail(cannot_write(path));
  auto progress = progress_of("exporting");
  delta::LayerRequest request{&open_delta->store, open_delta->base.get(), out.get(), {}};
  if (progress) request.progress = [&](size_t done) { progress(done, 0); };
  sys::Result<delta::LayerReport> report = delta::write_layer(request);
  std::string error = report.ok() ? "" : report.status().message();
  if (error.empty() && !out.finish(path)) error = cannot_write(path);
  if (!error.empty()) return delta_fail(error);
  for (const std::string &left_out : report->left_out) {
    std::fprintf(stderr,
                 "mount.agentfense: the socket %s is not in the layer, since tar has no place for it\n",
                 delta::quote_path(left_out).c_str());
  }
  return kDeltaDone;
}

}  // namespace agentfense::cli
