#include "mounthelper/delta/patch.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "mounthelper/delta/content.h"
#include "mounthelper/delta/git_binary.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/sha1.h"
#include "mounthelper/delta/text_diff.h"

namespace agentfense::delta {
namespace {

using sys::Result;
using sys::Status;

struct Side {
  bool present = false;
  mode_t mode = 0;
  Content content;
  std::string id = std::string(40, '0');
  std::string text;  // where both sides are text
};

std::string octal(mode_t mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%06o", mode);
  return text;
}

// "a/NAME" as a header line has it. git apply loses its way in an unquoted name with a directory that ends with a space.
std::string label(const char *prefix, const std::string &path) {
  std::string name = prefix + path;
  return path.find(" /") != std::string::npos ? quote_always(name) : quote_path(name);
}

Status failure(const std::string &path, int error) {
  std::string why = error == EBUSY ? "it changed while it was read; do it again" : std::strerror(error);
  if (error == EACCES) why += "; run it as the user whose files they are, or as root";
  return Status::failure(error, "cannot read " + quote_path(path) + " for the patch: " + why);
}

Status load(Side &side, int root, const std::string &path, const std::optional<struct stat> &info) {
  if (!info) return {};
  side.present = true;
  side.mode = git_mode(*info);
  Result<Content> content = Content::open(root, path, *info);
  if (!content.ok()) return failure(path, content.error());
  side.content = std::move(*content);
  return {};
}

Status name_blob(Side &side, const std::string &path) {
  if (!side.present) return {};
  Sha1 sha1;
  sha1.add("blob " + std::to_string(side.content.size()));
  sha1.add(std::string_view("\0", 1));
  Status status = side.content.each_piece([&](std::string_view piece) { sha1.add(piece); });
  if (!status.ok()) return failure(path, status.error());
  side.id = sha1.finish();
  return {};
}

bool is_text(const std::string &bytes) {
  return bytes.find('\0') == std::string::npos &&
         static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '\n')) < kMostTextLines;
}

// Whether both sides are text, which they hold then.
Result<bool> load_texts(const PatchFile &file, Side &before, Side &after) {
  if (before.content.size() > kMostTextBytes || after.content.size() > kMostTextBytes) return false;
  for (auto [side, path] : {std::pair(&before, &file.old_path), std::pair(&after, &file.new_path)}) {
    Result<std::string> bytes = side->content.read_all();
    if (!bytes.ok()) return failure(*path, bytes.error());
    side->text = std::move(*bytes);
    if (!is_text(side->text)) return false;
  }
  return true;
}

// In percent: how much of the larger side the other has too.
uint64_t similarity(const PatchFile &file, const Side &before, const Side &after, const TextDiff &diff) {
  uint64_t larger = std::max(before.content.size(), after.content.size());
  if (!file.content_differs || larger == 0) return 100;
  uint64_t kept = 0;
  for (size_t i = 0; i < diff.before.size(); ++i) kept += diff.gone[i] ? 0 : diff.before[i].size();
  return std::min<uint64_t>(kept * 100 / larger, 99);
}

void write_header(const PatchFile &file, const Side &before, const Side &after, uint64_t similar,
                  const PatchSink &sink) {
  auto line = [&](const std::string &text) { sink(PatchPart::header, text + "\n"); };
  line("diff --git " + label("a/", file.old_path) + " " + label("b/", file.new_path));
  if (!before.present) line("new file mode " + octal(after.mode));
  if (!after.present) line("deleted file mode " + octal(before.mode));
  bool both = before.present && after.present;
  if (both && before.mode != after.mode) {
    line("old mode " + octal(before.mode));
    line("new mode " + octal(after.mode));
  }
  if (file.old_path != file.new_path) {
    line("similarity index " + std::to_string(similar) + "%");
    line("rename from " + quote_path(file.old_path));
    line("rename to " + quote_path(file.new_path));
  }
  if (before.id == after.id) return;
  line("index " + before.id + ".." + after.id +
       (both && before.mode == after.mode ? " " + octal(after.mode) : ""));
}

// A name with a space ends with a tab, so that no tool takes a date for a part of it.
std::string named(const char *mark, const std::string &name) {
  return mark + name + (name.find(' ') != std::string::npos ? "\t" : "") + "\n";
}

void write_text(const PatchFile &file, const Side &before, const Side &after, const TextDiff &diff,
                const PatchSink &sink) {
  if (diff.deleted == 0 && diff.inserted == 0) return;
  sink(PatchPart::header, named("--- ", before.present ? label("a/", file.old_path) : "/dev/null"));
  sink(PatchPart::header, named("+++ ", after.present ? label("b/", file.new_path) : "/dev/null"));
  each_hunk_line(diff, [&](char mark, std::string_view text) {
    PatchPart part = mark == '@'   ? PatchPart::range
                     : mark == '-' ? PatchPart::removed
                     : mark == '+' ? PatchPart::added
                                   : PatchPart::context;
    sink(part, std::string(1, mark).append(text));
  });
}

Status write_literal(const Side &side, const std::string &path, const PatchSink &sink) {
  GitLiteral::Sink lines = [&](std::string_view line) { sink(PatchPart::binary, line); };
  GitLiteral literal(side.content.size(), lines);
  Status status = side.content.each_piece([&](std::string_view piece) { literal.add(piece); });
  if (!status.ok()) return failure(path, status.error());
  literal.finish();
  return {};
}

Status write_binary(const PatchFile &file, const Side &before, const Side &after, const PatchSink &sink) {
  sink(PatchPart::binary, "GIT binary patch\n");
  Status status = write_literal(after, file.new_path, sink);
  return status.ok() ? write_literal(before, file.old_path, sink) : status;
}

}  // namespace

Result<PatchCount> write_patch(const PatchFile &file, int base, int upper, const PatchSink &sink) {
  Side before;
  Side after;
  Status status = load(before, base, file.old_path, file.before);
  if (status.ok()) status = load(after, upper, file.new_path, file.after);
  if (!status.ok()) return status;
  PatchCount count;
  count.old_size = before.content.size();
  count.new_size = after.content.size();
  if (!file.content_differs) {
    if (sink) write_header(file, before, after, 100, sink);
    return count;
  }
  Result<bool> text = load_texts(file, before, after);
  if (!text.ok()) return text.status();
  count.binary = !*text;
  TextDiff diff = *text ? diff_text(before.text, after.text) : TextDiff();
  count.inserted = diff.inserted;
  count.deleted = diff.deleted;
  if (!sink) return count;

  status = name_blob(before, file.old_path);
  if (status.ok()) status = name_blob(after, file.new_path);
  if (!status.ok()) return status;
  write_header(file, before, after, similarity(file, before, after, diff), sink);
  if (!count.binary) {
    write_text(file, before, after, diff, sink);
  } else if (before.id != after.id) {
    status = write_binary(file, before, after, sink);
    if (!status.ok()) return status;
  }
  return count;
}

}  // namespace agentfense::delta
