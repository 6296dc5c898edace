#include "lang/format_print.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace agentfense::lang {
namespace {

constexpr size_t kIndent = 2;
constexpr size_t kContinuation = 4;
constexpr size_t kGap = 2;  // before a reason or a comment
// Rules whose patterns reach farther do not push the reasons of their neighbours.
constexpr size_t kAlignedUpTo = 60;

// In characters of UTF-8, near enough to what is seen.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// Where the pattern part of a rule ends that has a reason and fits in one line; else nothing.
std::optional<size_t> end_before_reason(const FormatLine &line) {
  if (line.kind != FormatLine::Kind::statement || line.chunks.back().reason.empty()) return std::nullopt;
  size_t end = line.depth * kIndent - 1;
  for (const FormatChunk &chunk : line.chunks) {
    if (!chunk.comment.empty()) return std::nullopt;
    end += 1 + width(chunk.text);
  }
  if (end > kAlignedUpTo || end + kGap + width(line.chunks.back().reason) > kFormatColumns)
    return std::nullopt;
  return end;
}

// For each line the column where its reason starts, 0 where that follows from the line alone: reasons
// of rules with no blank line between stand below each other.
std::vector<size_t> reason_columns(const std::vector<FormatLine> &lines) {
  std::vector<size_t> columns(lines.size(), 0);
  for (size_t begin = 0; begin < lines.size();) {
    size_t end = begin;
    size_t widest = 0;
    do {
      widest = std::max(widest, end_before_reason(lines[end]).value_or(0));
      ++end;
    } while (end < lines.size() && !lines[end].blank_before && lines[end].depth == lines[begin].depth);
    for (size_t i = begin; i < end; ++i) {
      if (end_before_reason(lines[i])) columns[i] = widest + kGap;
    }
    begin = end;
  }
  return columns;
}

class Printer {
 public:
  std::string run(const std::vector<FormatLine> &lines) {
    const std::vector<size_t> columns = reason_columns(lines);
    for (size_t i = 0; i < lines.size(); ++i) {
      const FormatLine &line = lines[i];
      if (line.blank_before) out_ += '\n';
      switch (line.kind) {
        case FormatLine::Kind::comment:
          start(line.depth * kIndent);
          out_ += line.comment;
          break;
        case FormatLine::Kind::set:
          set(line);
          break;
        default:
          statement(line, columns[i]);
          break;
      }
      out_ += '\n';
    }
    return std::move(out_);
  }

 private:
  void start(size_t indent) {
    column_ = 0;
    space(indent);
  }
  void space(size_t columns) {
    out_.append(columns, ' ');
    column_ += columns;
  }
  void text(std::string_view words) {
    out_ += words;
    column_ += width(words);
  }
  // Does not count: a comment may run beyond the last column.
  void trail(std::string_view comment) {
    if (comment.empty()) return;
    out_.append(kGap, ' ');
    out_ += comment;
  }

  void statement(const FormatLine &line, size_t reason_column) {
    start(line.depth * kIndent);
    bool first = true;  // of its line
    bool full = false;
    for (const FormatChunk &chunk : line.chunks) {
      size_t columns = width(chunk.text) + (chunk.reason.empty() ? 0 : kGap + width(chunk.reason));
      if (!first && (full || chunk.own_comment || column_ + 1 + columns > kFormatColumns)) {
        out_ += '\n';
        start(line.depth * kIndent + kContinuation);
      } else if (!first) {
        text(" ");
      }
      if (chunk.own_comment) {
        out_ += chunk.comment;
      } else {
        text(chunk.text);
        if (!chunk.reason.empty()) {
          space(reason_column > column_ ? reason_column - column_ : kGap);
          text(chunk.reason);
        }
        trail(chunk.comment);
      }
      full = !chunk.comment.empty();
      first = false;
    }
    trail(line.comment);
  }

  static bool fits(const FormatLine &set) {
    size_t columns = width(set.head) + 2;
    for (const FormatChunk &chunk : set.chunks) {
      if (!chunk.comment.empty() || chunk.blank_before) return false;
      columns += width(chunk.text) + 2;
    }
    return !set.last_comma && set.head_comment.empty() && columns - 1 <= kFormatColumns;
  }

  void set(const FormatLine &line) {
    start(line.depth * kIndent);
    text(line.head);
    if (fits(line)) {
      for (const FormatChunk &chunk : line.chunks) {
        text(&chunk == &line.chunks.front() ? " " : ", ");
        text(chunk.text);
      }
      text(" }");
    } else {
      trail(line.head_comment);
      for (const FormatChunk &chunk : line.chunks) {
        out_ += chunk.blank_before ? "\n\n" : "\n";
        start((line.depth + 1) * kIndent);
        if (chunk.own_comment) {
          out_ += chunk.comment;
        } else {
          text(chunk.text);
          text(",");
          trail(chunk.comment);
        }
      }
      out_ += '\n';
      start(line.depth * kIndent);
      text("}");
    }
    trail(line.comment);
  }

  std::string out_;
  size_t column_ = 0;
};

}  // namespace

std::string format_print(const std::vector<FormatLine> &lines) { return Printer().run(lines); }

}  // namespace agentfense::lang
