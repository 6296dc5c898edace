#include "lang/print_diagnostics.h"

#include <algorithm>

#include "lang/spelling.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringRef.h"

namespace agentfense::lang {
namespace {

constexpr size_t kShownBytes = 160;  // of a source line; the rest is cut off around the caret

const char *colour_of(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "\x1b[1;31m";
    case Severity::warning:
      return "\x1b[1;35m";
    case Severity::note:
      return "\x1b[1;36m";
  }
  return "";
}

void append_hex(std::string &out, unsigned char b) {
  out += "\\x";
  out += llvm::hexdigit(b >> 4);
  out += llvm::hexdigit(b & 15);
}

// The length of the UTF-8 character at `i`, 0 where there is none.
size_t character_at(std::string_view bytes, size_t i) {
  auto lead = static_cast<unsigned char>(bytes[i]);
  size_t length = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (length == 0 || i + length > bytes.size() || !is_utf8(bytes.substr(i, length))) return 0;
  // C1 controls, and what hides text or turns its direction around.
  std::string_view c = bytes.substr(i, length);
  auto between = [&](std::string_view first, std::string_view last) { return c >= first && c <= last; };
  if (between("\xC2\x80", "\xC2\x9F") || between("\xE2\x80\x8B", "\xE2\x80\x8F") ||
      between("\xE2\x80\xA8", "\xE2\x80\xAE") || between("\xE2\x81\xA0", "\xE2\x81\xAF") ||
      c == "\xEF\xBB\xBF") {
    return 0;
  }
  return length;
}

// Appends what is fit for a terminal; returns the number of columns it takes.
size_t append_shown(std::string &out, std::string_view bytes, bool escape_backslash) {
  size_t columns = 0;
  for (size_t i = 0; i < bytes.size();) {
    auto b = static_cast<unsigned char>(bytes[i]);
    size_t length = character_at(bytes, i);
    if (b < 0x20 || b == 0x7f || length == 0) {
      append_hex(out, b);
      columns += 4;
      ++i;
    } else {
      if (b == '\\' && escape_backslash) {
        out += '\\';
        ++columns;
      }
      out += bytes.substr(i, length);
      ++columns;
      i += length;
    }
  }
  return columns;
}

class Printer {
 public:
  Printer(const std::vector<SourceFile> &files, const PrintOptions &options)
      : files_(files), options_(options) {}

  std::string take() { return std::move(out_); }

  void print(const Diagnostic &d) {
    head(d.place, d.severity, d.message, code_name(d.code));
    excerpt(d.place, d.severity);
    if (!d.example.empty()) out_ += "  example: " + escape_bytes(d.example) + "\n";
    for (const FixIt &fix : d.fixes) print(fix, d.place);
    for (const Remark &remark : d.remarks) {
      head(remark.place, Severity::note, remark.message, {});
      excerpt(remark.place, Severity::note);
    }
  }

 private:
  void head(const Place &place, Severity severity, std::string_view message, std::string_view code) {
    if (place.file < files_.size()) out_ += escape_text(files_[place.file].name);
    if (place.line > 0) out_ += ':' + std::to_string(place.line) + ':' + std::to_string(place.column);
    out_ += ": ";
    paint(colour_of(severity), std::string(severity_name(severity)) + ":");
    out_ += ' ';
    paint("\x1b[1m", escape_text(message));
    if (!code.empty()) out_ += " [" + std::string(code) + "]";
    out_ += '\n';
  }

  void paint(const char *colour, const std::string &text) {
    out_ += options_.colour ? colour + text + "\x1b[0m" : text;
  }

  // The line and a caret below it. Tabs become spaces, so that the caret stands where it should.
  void excerpt(const Place &place, Severity severity) {
    if (place.line == 0 || place.file >= files_.size()) return;
    std::string_view text = files_[place.file].text;
    if (place.offset > text.size()) return;
    size_t begin = place.offset - std::min<size_t>(place.offset, place.column - 1);
    // A line can be as long as a file: nothing is read or copied beyond what is shown.
    text = text.substr(0, place.offset + 2 * kShownBytes);
    size_t end = std::min(text.find('\n', place.offset), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    size_t caret = std::min<size_t>(place.offset - begin, line.size());
    size_t last = std::min<size_t>(caret + std::max<size_t>(place.length, 1), std::max(line.size(), caret));
    size_t cut = caret > kShownBytes / 2 && line.size() > kShownBytes ? caret - kShownBytes / 2 : 0;
    size_t stop = std::min(line.size(), cut + kShownBytes);
    last = std::clamp(last, caret, stop);
    std::string part(line.substr(cut, stop - cut));
    std::replace(part.begin(), part.end(), '\t', ' ');
    const std::string_view view(part);

    out_ += cut > 0 ? "  ..." : "  ";
    size_t indent = (cut > 0 ? 5 : 2) + append_shown(out_, view.substr(0, caret - cut), false);
    size_t width = append_shown(out_, view.substr(caret - cut, last - caret), false);
    append_shown(out_, view.substr(last - cut), false);
    out_ += stop < line.size() ? "...\n" : "\n";
    out_.append(indent, ' ');
    std::string mark = "^";
    if (width > 1) mark.append(width - 1, '~');
    paint(colour_of(severity), mark);
    out_ += '\n';
  }

  // " instead of WORD" where the fix is for a word of what is underlined.
  [[nodiscard]] std::string instead_of(const Place &fixed, const Place &underlined) const {
    constexpr uint32_t kWord = 40;
    const bool all = fixed.offset == underlined.offset && fixed.length == underlined.length;
    if (all || fixed.length > kWord || fixed.file >= files_.size()) return "";
    const std::string &source = files_[fixed.file].text;
    if (fixed.offset > source.size()) return "";
    const std::string old = source.substr(fixed.offset, fixed.length);
    return old.find('\n') == std::string::npos ? " instead of " + escape_text(old) : "";
  }

  void print(const FixIt &fix, const Place &place) {
    // White space around it belongs to the fix, not to what is said of it.
    std::string text(llvm::StringRef(fix.text).trim());
    out_ += "  fix: ";
    if (text.empty()) {
      out_ += "remove this";
    } else if (fix.place.length == 0) {
      out_ += "insert " + escape_text(text);
    } else {
      out_ += escape_text(text) + instead_of(fix.place, place);
    }
    bool elsewhere = fix.place.file != place.file || fix.place.line != place.line;
    if (elsewhere && fix.place.file < files_.size()) {
      out_ += " at " + escape_text(files_[fix.place.file].name) + ':' + std::to_string(fix.place.line) + ':' +
              std::to_string(fix.place.column);
    }
    out_ += '\n';
  }

  const std::vector<SourceFile> &files_;
  const PrintOptions &options_;
  std::string out_;
};

}  // namespace

std::string print_diagnostics(const std::vector<Diagnostic> &diagnostics,
                              const std::vector<SourceFile> &files, const PrintOptions &options) {
  Printer printer(files, options);
  for (const Diagnostic &d : diagnostics) printer.print(d);
  return printer.take();
}

std::string escape_bytes(std::string_view bytes) {
  std::string out;
  append_shown(out, bytes, true);
  return out;
}

std::string escape_text(std::string_view text) {
  std::string out;
  append_shown(out, text, false);
  return out;
}

}  // namespace agentfense::lang
