#include "mounthelper/delta/git_binary.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

namespace agentfense::delta {
namespace {

constexpr size_t kLine = 52;
constexpr size_t kPiece = 32 * 1024;
constexpr char kDigits[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

}  // namespace

struct GitLiteral::Stream {
  z_stream z{};
};

GitLiteral::GitLiteral(uint64_t size, const Sink &sink) : sink_(sink), stream_(std::make_unique<Stream>()) {
  if (deflateInit(&stream_->z, Z_DEFAULT_COMPRESSION) != Z_OK) throw std::bad_alloc();
  sink_("literal " + std::to_string(size) + "\n");
}

GitLiteral::~GitLiteral() { deflateEnd(&stream_->z); }

void GitLiteral::write_line(std::string_view bytes) {
  size_t count = bytes.size();
  std::string line(1, static_cast<char>(count <= 26 ? 'A' + count - 1 : 'a' + count - 27));
  for (size_t at = 0; at < count; at += 4) {
    uint32_t word = 0;
    for (size_t i = at; i < at + 4; ++i) {
      word = word << 8 | (i < count ? static_cast<unsigned char>(bytes[i]) : 0U);
    }
    char group[5];
    for (size_t i = 5; i-- > 0; word /= 85) group[i] = kDigits[word % 85];
    line.append(group, sizeof group);
  }
  sink_(line + "\n");
}

void GitLiteral::deflate_pending(bool last) {
  z_stream &z = stream_->z;
  int answer = Z_OK;
  do {
    unsigned char out[kPiece];
    z.next_out = out;
    z.avail_out = sizeof out;
    answer = deflate(&z, last ? Z_FINISH : Z_NO_FLUSH);
    packed_.append(reinterpret_cast<char *>(out), sizeof out - z.avail_out);
    size_t at = 0;
    for (; packed_.size() - at >= kLine; at += kLine) write_line(std::string_view(packed_).substr(at, kLine));
    packed_.erase(0, at);
  } while (last ? answer == Z_OK : z.avail_in > 0);
}

void GitLiteral::add(std::string_view bytes) {
  while (!bytes.empty()) {
    size_t count = std::min<size_t>(bytes.size(), std::numeric_limits<uInt>::max());
    // zlib only reads it.
    stream_->z.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes.data()));
    stream_->z.avail_in = static_cast<uInt>(count);
    deflate_pending(false);
    bytes.remove_prefix(count);
  }
}

void GitLiteral::finish() {
  deflate_pending(true);
  if (!packed_.empty()) write_line(packed_);
  packed_.clear();
  sink_("\n");
}

}  // namespace agentfense::delta
