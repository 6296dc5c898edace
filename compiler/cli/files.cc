#include "compiler/cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "compiler/table/format.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::cli {
namespace {

void complain(const std::string &file, const std::string &what) {
  std::cerr << "agentfense-compile: " << lang::escape_bytes(file) << ": " << what << "\n";
}

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string &beside)
      : name_(beside + ".XXXXXX"), fd_(::mkostemp(name_.data(), O_CLOEXEC)) {}
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  ~TemporaryFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    if (!kept_) ::unlink(name_.c_str());
  }

  [[nodiscard]] bool open() const { return fd_ >= 0; }
  // `like`, where given, is whose owner and mode to take.
  [[nodiscard]] bool write(std::span<const std::byte> bytes, const struct stat *like) const {
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      bytes = bytes.subspan(static_cast<size_t>(n));
    }
    if (like) {
      // Only root can give a file away; the mode comes after, as a new owner clears bits of it.
      if (::fchown(fd_, like->st_uid, like->st_gid) != 0 && errno != EPERM) return false;
      return ::fchmod(fd_, like->st_mode & 07777) == 0 && ::fsync(fd_) == 0;
    }
    // mkstemp makes 0600; a table holds no secret, and the umask has its say as for any new file.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    return ::fchmod(fd_, 0644 & ~mask) == 0 && ::fsync(fd_) == 0;
  }
  [[nodiscard]] bool become(const std::string &file) {
    kept_ = ::rename(name_.c_str(), file.c_str()) == 0;
    return kept_;
  }

 private:
  std::string name_;
  int fd_;
  bool kept_ = false;
};

}  // namespace

bool looks_like_table(const std::string &file) {
  // Opening a FIFO would wait for its writer.
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return false;
  std::ifstream in(file, std::ios::binary);
  std::array<char, table::kMagic.size()> head{};
  in.read(head.data(), head.size());
  return in.gcount() == static_cast<std::streamsize>(head.size()) &&
         std::memcmp(head.data(), table::kMagic.data(), head.size()) == 0;
}

std::optional<table::Table> read_table(const std::string &file) {
  const table::DecodeLimits limits;
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (error || !std::filesystem::exists(status)) {
    complain(file, error ? error.message() : std::string(std::strerror(ENOENT)));
    return std::nullopt;
  }
  if (!std::filesystem::is_regular_file(status)) {
    complain(file, "is no regular file; name a table that `agentfense-compile build` wrote");
    return std::nullopt;
  }
  const uintmax_t size = std::filesystem::file_size(file, error);
  if (!error && size > limits.max_bytes) {
    complain(file, "is larger than a table can be (" + std::to_string(limits.max_bytes) + " bytes)");
    return std::nullopt;
  }
  std::ifstream in(file, std::ios::binary);
  std::vector<char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in && !in.eof()) {
    complain(file, std::strerror(errno));
    return std::nullopt;
  }
  auto decoded = table::decode(std::as_bytes(std::span(bytes)), limits);
  if (const auto *failed = std::get_if<table::DecodeError>(&decoded)) {
    complain(file,
             "is no sound table, check `" + failed->check + "`: " + failed->message + "; build it again");
    return std::nullopt;
  }
  return std::move(std::get<table::Table>(decoded));
}

bool write_atomically(const std::string &file, std::span<const std::byte> bytes, NewFile as) {
  // A rename would put a plain file in the place of a link or a device.
  std::error_code error;
  std::string target = file;
  if (std::filesystem::is_symlink(file, error)) target = std::filesystem::canonical(file, error).string();
  if (target.empty()) {
    complain(file, "is a link that leads nowhere (" + error.message() + "); name the table to write");
    return false;
  }
  const std::filesystem::file_status there = std::filesystem::status(target, error);
  if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
    complain(file,
             std::filesystem::is_directory(there)
                 ? "is a directory; name the table to write"
                 : "is no regular file, and a table takes the place of what it is written to; name a file");
    return false;
  }
  struct stat old {};
  const bool like_the_old = as == NewFile::like_the_old && ::stat(target.c_str(), &old) == 0;
  TemporaryFile temporary(target);
  if (!temporary.open() || !temporary.write(bytes, like_the_old ? &old : nullptr) ||
      !temporary.become(target)) {
    complain(file, std::string("cannot be written: ") + std::strerror(errno));
    return false;
  }
  return true;
}

std::vector<std::string> standard_preset_dirs() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const std::filesystem::path above = self.parent_path().parent_path();
  std::vector<std::string> dirs;
  for (const char *place : {"share/agentfense/presets", "stdlib-presets"}) {
    if (std::filesystem::is_directory(above / place, error)) dirs.push_back((above / place).string());
  }
  return dirs;
}

}  // namespace agentfense::compiler::cli
