#include "mounthelper/delta/tar_writer.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace agentfense::delta {
namespace {

using sys::Status;

constexpr size_t kBlock = 512;
constexpr size_t kBuffer = 256 * 1024;

struct Header {  // POSIX.1-1988
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link_name[100];
  char magic[6];
  char version[2];
  char user[32];
  char group[32];
  char major[8];
  char minor[8];
  char prefix[155];
  char rest[12];
};
static_assert(sizeof(Header) == kBlock);

// False where the digits do not hold it; the field is 0 then.
template <size_t kSize>
bool set_octal(char (&field)[kSize], uint64_t number) {
  bool fits = number < (uint64_t{1} << (3 * (kSize - 1)));
  for (size_t i = kSize - 1; i-- > 0;) {
    field[i] = static_cast<char>('0' + (fits ? number & 7 : 0));
    number >>= 3;
  }
  return fits;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// False where it must go into a pax header; the field then has what fits, for readers that know none.
template <size_t kSize>
bool set_text(char (&field)[kSize], std::string_view text) {
  std::copy_n(text.begin(), std::min(kSize, text.size()), field);
  return text.size() <= kSize && is_ascii(text);
}

bool set_path(Header &header, std::string_view path) {
  if (path.size() <= sizeof header.name || !is_ascii(path)) return set_text(header.name, path);
  // At a slash: up to 155 bytes before it, 1 to 100 after it.
  size_t slash = path.find('/', path.size() - sizeof header.name - 1);
  bool fits = slash != std::string_view::npos && slash > 0 && slash <= sizeof header.prefix &&
              slash + 1 < path.size();
  if (!fits) return set_text(header.name, path);
  std::copy_n(path.begin(), slash, header.prefix);
  return set_text(header.name, path.substr(slash + 1));
}

void set_checksum(Header &header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  const auto *bytes = reinterpret_cast<const unsigned char *>(&header);
  unsigned sum = 0;
  for (size_t i = 0; i < sizeof header; ++i) sum += bytes[i];
  (void)snprintf(header.checksum, sizeof header.checksum, "%06o",
                 sum);  // its NUL, then the blank that is there
}

std::string_view bytes_of(const Header &header) {
  return {reinterpret_cast<const char *>(&header), sizeof header};
}

// The length counts its own digits.
void add_record(std::string &records, std::string_view key, std::string_view value) {
  size_t rest = key.size() + value.size() + 3;
  size_t length = rest + std::to_string(rest).size();
  length = rest + std::to_string(length).size();
  records += std::to_string(length) + " ";
  records += key;
  records += "=";
  records += value;
  records += "\n";
}

// As GNU tar has it: a key ends at its first `=`.
std::string attribute_key(std::string_view name) {
  std::string key = "SCHILY.xattr.";
  for (char c : name) {
    if (c == '%' || c == '=') {
      key += c == '%' ? "%25" : "%3D";
    } else {
      key += c;
    }
  }
  return key;
}

std::string time_text(const timespec &time) {
  bool below = time.tv_sec < 0 && time.tv_nsec > 0;  // -1.25 is -2 s and 750000000 ns
  long long seconds = static_cast<long long>(time.tv_sec) + (below ? 1 : 0);
  long nanoseconds = below ? 1000000000 - time.tv_nsec : time.tv_nsec;
  char text[48];
  int length =
      snprintf(text, sizeof text, "%s%lld.%09ld", below && seconds == 0 ? "-" : "", seconds, nanoseconds);
  std::string result(text, static_cast<size_t>(length));
  result.resize(result.find_last_not_of('0') + 1);
  if (result.back() == '.') result.pop_back();
  return result;
}

Header header_of(const TarEntry &entry, std::string &records) {
  Header header{};
  if (!set_path(header, entry.path)) add_record(records, "path", entry.path);
  if (!set_text(header.link_name, entry.link_target)) add_record(records, "linkpath", entry.link_target);
  (void)set_octal(header.mode, entry.mode & 07777);
  if (!set_octal(header.uid, entry.uid)) add_record(records, "uid", std::to_string(entry.uid));
  if (!set_octal(header.gid, entry.gid)) add_record(records, "gid", std::to_string(entry.gid));
  if (!set_octal(header.size, entry.size)) add_record(records, "size", std::to_string(entry.size));
  bool fits = entry.mtime.tv_sec >= 0 && set_octal(header.mtime, static_cast<uint64_t>(entry.mtime.tv_sec));
  if (!fits) (void)set_octal(header.mtime, 0);
  if (!fits || entry.mtime.tv_nsec != 0) add_record(records, "mtime", time_text(entry.mtime));
  for (const auto &[name, value] : entry.attributes) add_record(records, attribute_key(name), value);
  header.type = entry.type;
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  (void)set_octal(header.major, major(entry.device));
  (void)set_octal(header.minor, minor(entry.device));
  set_checksum(header);
  return header;
}

Header pax_header(std::string_view path, size_t size) {
  Header header{};
  constexpr std::string_view kFolder = "PaxHeaders/";
  std::string name(kFolder);
  size_t end = path.find_last_not_of('/');
  std::string_view trimmed = path.substr(0, end == std::string_view::npos ? 0 : end + 1);
  name += trimmed.substr(trimmed.rfind('/') == std::string_view::npos ? 0 : trimmed.rfind('/') + 1);
  (void)set_text(header.name, name.substr(0, sizeof header.name - 1));
  (void)set_octal(header.mode, 0644);
  (void)set_octal(header.uid, 0);
  (void)set_octal(header.gid, 0);
  (void)set_octal(header.size, size);
  (void)set_octal(header.mtime, 0);
  header.type = 'x';
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  set_checksum(header);
  return header;
}

}  // namespace

Status TarWriter::add(const TarEntry &entry) {
  std::string records;
  Header header = header_of(entry, records);
  Status status;
  if (!records.empty()) {
    status = put(bytes_of(pax_header(entry.path, records.size())));
    if (status.ok()) status = put(records);
    if (status.ok()) status = pad();
  }
  return status.ok() ? put(bytes_of(header)) : status;
}

Status TarWriter::data(std::string_view bytes) { return put(bytes); }
Status TarWriter::end_data() { return pad(); }

Status TarWriter::finish() {
  Status status = put(std::string(2 * kBlock, '\0'));
  return status.ok() ? flush() : status;
}

Status TarWriter::pad() { return put(std::string((kBlock - position_ % kBlock) % kBlock, '\0')); }

Status TarWriter::put(std::string_view bytes) {
  buffer_ += bytes;
  position_ += bytes.size();
  return buffer_.size() >= kBuffer ? flush() : Status();
}

Status TarWriter::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    ssize_t wrote = write(fd_, rest.data(), rest.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return sys::errno_status();
    rest.remove_prefix(static_cast<size_t>(wrote));
  }
  buffer_.clear();
  return {};
}

}  // namespace agentfense::delta
