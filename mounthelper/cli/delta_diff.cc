#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "mounthelper/cli/delta_arguments.h"
#include "mounthelper/cli/delta_commands.h"
#include "mounthelper/cli/delta_main.h"
#include "mounthelper/cli/delta_policy.h"
#include "mounthelper/delta/patch.h"
#include "mounthelper/delta/quote_path.h"

namespace agentfense::cli {
namespace {

using delta::PatchPart;

constexpr const char *kFooter = R"(
The patch has git's extended headers: modes, renames, symlinks, binary files. What git has no place for (empty
directories, FIFOs, owners, changes in .git, files above 1 GiB) is left out and named on standard error, and so is
what the policy hides in a deleted directory. Times are never in it.
On a terminal, control characters of the content are shown as ^X; a file or a pipe gets every byte.

Example:
  mount.agentfense delta diff ~/delta --base ~/project > changes.patch
  git -C ~/other-clone apply ~/changes.patch

Exit status: 0; with --exit-code 1 where there are changes; 2 wrong words or failure.)";

const char *colour_for(PatchPart part) {
  switch (part) {
    case PatchPart::header:
      return "\033[1m";
    case PatchPart::range:
      return "\033[36m";
    case PatchPart::removed:
      return "\033[31m";
    case PatchPart::added:
      return "\033[32m";
    default:
      return "";
  }
}

// Content comes from the sandbox: it must not act on the terminal.
std::string harmless(std::string_view line) {
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    auto byte = static_cast<unsigned char>(line[i]);
    unsigned char next = i + 1 < line.size() ? static_cast<unsigned char>(line[i + 1]) : 0;
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
      text += {'^', static_cast<char>(byte ^ 0x40)};
    } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080 to U+009F
      text += {'^', '[', static_cast<char>(next ^ 0xc0)};
      ++i;
    } else {
      text += line[i];
    }
  }
  return text;
}

void put(std::string_view text) { (void)std::fwrite(text.data(), 1, text.size(), stdout); }

delta::PatchSink sink_for_stdout() {
  if (isatty(STDOUT_FILENO) != 1) return [](PatchPart, std::string_view line) { put(line); };
  return [colours = colour_on(STDOUT_FILENO)](PatchPart part, std::string_view line) {
    const char *colour = colours ? colour_for(part) : "";
    line.remove_suffix(line.ends_with('\n') ? 1 : 0);
    put(colour + harmless(line) + (*colour != '\0' ? "\033[m\n" : "\n"));
  };
}

std::string plural(size_t count, const char *one, const char *many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

class Stat {
 public:
  void add(const delta::PatchFile &file, const delta::PatchCount &count) {
    std::string name = delta::quote_path(file.new_path);
    if (file.old_path != file.new_path) name = delta::quote_path(file.old_path) + " => " + name;
    std::string what = std::to_string(count.inserted + count.deleted);
    if (count.binary) {
      what = "binary, " + std::to_string(count.old_size) + " -> " + std::to_string(count.new_size) + " bytes";
    } else if (count.inserted + count.deleted > 0) {
      what += " +" + std::to_string(count.inserted) + " -" + std::to_string(count.deleted);
    }
    width_ = std::max(width_, name.size());
    lines_.emplace_back(std::move(name), std::move(what));
    inserted_ += count.inserted;
    deleted_ += count.deleted;
  }

  void print() const {
    for (const auto &[name, what] : lines_) {
      std::printf(" %-*s | %s\n", static_cast<int>(width_), name.c_str(), what.c_str());
    }
    std::printf(" %s changed, %s, %s\n", plural(lines_.size(), "file", "files").c_str(),
                plural(inserted_, "line added", "lines added").c_str(),
                plural(deleted_, "line deleted", "lines deleted").c_str());
  }

 private:
  std::vector<std::pair<std::string, std::string>> lines_;
  size_t width_ = 0;
  size_t inserted_ = 0;
  size_t deleted_ = 0;
};

}  // namespace

int delta_diff(std::span<const char *const> words) {
  DeltaArguments arguments;
  bool stat = false;
  bool exit_code = false;
  CLI::App app("Writes what the delta makes of its base as a patch that git apply takes.",
               "mount.agentfense delta diff");
  app.footer(kFooter);
  add_delta_options(app, arguments);
  add_path_option(app, arguments);
  add_table_option(app, arguments);
  app.add_flag("--stat", stat, "count the lines of each file instead");
  app.add_flag("--exit-code", exit_code, "exit with 1 where there are changes");
  if (std::optional<int> answered = parse_words(app, words)) return *answered;

  sys::Result<OpenDelta> open = open_delta_to_read(arguments);
  if (!open.ok()) return delta_fail(open.status().message());
  sys::Result<AskedChanges> asked = asked_changes(arguments, *open);
  if (!asked.ok()) return delta_fail(asked.status().message());

  delta::PatchPlan plan = delta::plan_patch(asked->changes);
  delta::PatchSink sink = stat ? delta::PatchSink() : sink_for_stdout();
  Stat counts;
  for (const delta::PatchFile &file : plan.files) {
    sys::Result<delta::PatchCount> count =
        delta::write_patch(file, open->base.get(), open->store.upper.get(), sink);
    if (!count.ok()) return delta_fail(count.status().message());
    counts.add(file, *count);
  }
  if (stat) counts.print();
  for (const delta::LeftOut &left_out : plan.left_out)
    say_left_out("the patch", left_out.what, left_out.paths);
  say_left_out("the patch", "what the policy hides", asked->hidden);
  return finish_output(exit_code && !asked->changes.empty() ? kDeltaFound : kDeltaDone);
}

}  // namespace agentfense::cli
