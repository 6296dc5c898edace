// The text of a journal; see journal.h.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <span>

#include "compiler/table/digest.h"
#include "mounthelper/delta/journal.h"
#include "mounthelper/delta/origins.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

constexpr std::string_view kHead = "agentfense-journal 1 ";
constexpr size_t kTokenSize = 16;
constexpr std::array<std::string_view, 7> kWords = {
    "make-directory", "put", "link", "set-attributes", "remove", "directory-attributes", "directory-times"};

std::string path_text(std::string_view path) { return path.empty() ? "." : escape_path(path); }

std::string mark_text(const std::optional<FileMark> &mark) {
  if (!mark) return "-";
  char text[128];
  int length = snprintf(
      text, sizeof text, "%llu:%o:%lld:%lld.%ld", static_cast<unsigned long long>(mark->ino), mark->mode,
      static_cast<long long>(mark->size), static_cast<long long>(mark->mtime.tv_sec), mark->mtime.tv_nsec);
  return std::string(text, static_cast<size_t>(length));
}

Status damaged(const std::string &why) { return Status::failure(EBADMSG, why); }

template <class Number>
bool take_number(std::string_view &text, Number &value, int base = 10) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

bool take_char(std::string_view &text, char wanted) {
  if (!text.starts_with(wanted)) return false;
  text.remove_prefix(1);
  return true;
}

bool parse_mark(std::string_view text, std::optional<FileMark> &mark) {
  if (text == "-") return true;
  FileMark read;
  bool good = take_number(text, read.ino) && take_char(text, ':') && take_number(text, read.mode, 8) &&
              take_char(text, ':') && take_number(text, read.size) && take_char(text, ':') &&
              take_number(text, read.mtime.tv_sec) && take_char(text, '.') &&
              take_number(text, read.mtime.tv_nsec) && text.empty();
  if (good) mark = read;
  return good;
}

// Nothing that could lead out of the tree, or to the same place by another name.
bool parse_path(std::string_view text, std::string &path) {
  if (text == ".") {
    path.clear();
    return true;
  }
  path = unescape_path(text);
  if (path.empty() || path.find('\0') != std::string::npos) return false;
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string_view name = std::string_view(path).substr(begin, end - begin);
    if (name.empty() || name == "." || name == "..") return false;
    begin = end + 1;
  }
  return true;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t begin = 0; begin <= line.size();) {
    size_t end = std::min(line.find(' ', begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

bool parse_step(std::span<const std::string_view> words, Step &step) {
  const auto *word = std::find(kWords.begin(), kWords.end(), words[0]);
  if (word == kWords.end() || words.size() != 5) return false;
  step.kind = static_cast<StepKind>(word - kWords.begin());
  if (!parse_mark(words[1], step.before) || !parse_mark(words[2], step.after)) return false;
  if (!parse_path(words[3], step.path)) return false;
  return words[4] == "-" || parse_path(words[4], step.other);
}

class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  // False at the end, and for a last line without its newline.
  bool next(std::string_view &line) {
    size_t end = text_.find('\n', at_);
    if (end == std::string_view::npos) return false;
    line = text_.substr(at_, end - at_);
    at_ = end + 1;
    return true;
  }
  [[nodiscard]] size_t position() const { return at_; }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

std::string digest_of(std::string_view text) {
  return table::to_hex(table::sha256(std::as_bytes(std::span(text))));
}

bool parse_line(std::string_view line, Journal &journal) {
  std::vector<std::string_view> words = words_of(line);
  if (words[0] == "drop" && words.size() == 2) return parse_path(words[1], journal.dropped.emplace_back());
  if (words[0] == "skipped" && words.size() == 2) {
    size_t &index = journal.skipped.emplace_back();
    return take_number(words[1], index) && words[1].empty() && index < journal.steps.size();
  }
  if (line == "base-done") {
    journal.base_done = true;
    return true;
  }
  return parse_step(words, journal.steps.emplace_back());
}

}  // namespace

std::string encode(const Journal &journal) {
  std::string text = std::string(kHead) + journal.token + "\n";
  for (const Step &step : journal.steps) {
    text += kWords[static_cast<size_t>(step.kind)];
    text += ' ' + mark_text(step.before) + ' ' + mark_text(step.after) + ' ' + path_text(step.path) + ' ' +
            (step.other.empty() ? "-" : path_text(step.other)) + '\n';
  }
  for (const std::string &path : journal.dropped) text += "drop " + path_text(path) + '\n';
  for (size_t index : journal.skipped) text += "skipped " + std::to_string(index) + '\n';
  if (journal.base_done) text += "base-done\n";
  return text + "end " + digest_of(text) + '\n';
}

Result<Journal> decode_journal(std::string_view text) {
  Journal journal;
  Lines lines(text);
  std::string_view line;
  if (!lines.next(line) || !line.starts_with(kHead)) return damaged("it does not begin as a journal does");
  journal.token = line.substr(kHead.size());
  bool is_hex = journal.token.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (journal.token.size() != kTokenSize || !is_hex) return damaged("its token is none");
  for (size_t before = lines.position(); lines.next(line); before = lines.position()) {
    if (!line.starts_with("end ")) {
      if (!parse_line(line, journal)) return damaged("a line of it cannot be read");
      continue;
    }
    if (line.substr(4) != digest_of(text.substr(0, before))) {
      return damaged("its digest does not agree with its content");
    }
    if (lines.position() != text.size()) return damaged("something else stands after its end");
    return journal;
  }
  return damaged("its end is missing");
}

}  // namespace agentfense::delta
