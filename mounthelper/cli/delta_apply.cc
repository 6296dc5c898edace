#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "mounthelper/cli/delta_commands.h"
#include "mounthelper/cli/delta_main.h"
#include "mounthelper/cli/delta_policy.h"
#include "mounthelper/cli/delta_writing.h"
#include "mounthelper/cli/json_text.h"
#include "mounthelper/delta/apply.h"
#include "mounthelper/delta/quote_path.h"
#include "mounthelper/delta/summary.h"
#include "mounthelper/load/load_table.h"

namespace agentfense::cli {
namespace {

using delta::ApplyReport;
using delta::Fate;
using delta::Planned;

constexpr const char *kFooter = R"(
Writes the delta's changes into its base, and takes them out of the delta. The policy is asked again: what the
table does not let the sandbox write is listed as refused and stays in the delta, and a deleted directory stays where
something in it does. A path that the base changed since the delta took it over is a conflict: all of them are listed,
and nothing is done, unless --ours or --theirs decides. It can be interrupted at any time; run it again to finish.

Example:
  mount.agentfense delta apply ~/delta --base ~/project --dry-run

Exit status: 0 all was applied; 1 conflicts, nothing was done; 2 wrong words or failure; 3 some of it was refused, or
changed meanwhile.)";

constexpr size_t kFates = 5;
constexpr std::array<const char *, kFates> kWords = {"applied", "refused", "conflict", "dropped", "left"};
size_t index_of(Fate fate) { return static_cast<size_t>(fate); }

std::string shown(const std::string &path) { return delta::quote_path(path.empty() ? "." : path); }

void print_line(std::string word, const std::string &text, const std::string &why) {
  word.resize(10, ' ');
  std::printf("%s%s%s\n", word.c_str(), text.c_str(), why.empty() ? "" : ("  (" + why + ")").c_str());
}

std::array<size_t, kFates> count(const ApplyReport &report) {
  std::array<size_t, kFates> counts{};
  for (const Planned &item : report.plan.items) ++counts[index_of(item.fate)];
  return counts;
}

void print_text(const ApplyReport &report, bool dry_run) {
  if (report.resumed) {
    size_t count = report.finished.size();
    std::string text = count == 0 ? "" : ": " + std::to_string(count) + " applied by it";
    std::printf("what was cut short is finished%s\n", text.c_str());
  }
  for (const Planned &item : report.plan.items) {
    bool plain = item.fate == Fate::applied && item.why.empty();
    if (item.fate == Fate::left_out || (plain && !dry_run) || (report.plan.stopped && plain)) continue;
    std::string text = shown(item.change.path);
    if (item.change.kind == delta::ChangeKind::renamed) text = shown(item.change.from) + " -> " + text;
    std::string why = item.why;
    if (item.keeps_from) why = "its old place stays: " + why;
    if (plain) why = delta::word_for(item.change.kind);
    print_line(report.plan.stopped && item.fate == Fate::applied ? "" : kWords[index_of(item.fate)], text,
               why);
  }
  for (const delta::Missed &missed : report.missed) print_line("missed", shown(missed.path), missed.why);
  if (report.plan.stopped) return;
  std::array<size_t, kFates> counts = count(report);
  std::string text = std::to_string(counts[0]) + (dry_run ? " to apply" : " applied");
  for (size_t i = 1; i < kFates; ++i) {
    if (counts[i] > 0) text += ", " + std::to_string(counts[i]) + " " + kWords[i];
  }
  if (!report.missed.empty()) text += ", " + std::to_string(report.missed.size()) + " missed";
  std::printf("%s\n", text.c_str());
}

void print_json(const ApplyReport &report, bool dry_run) {
  JsonArray items(4);
  for (const Planned &item : report.plan.items) {
    JsonObject object;
    object.add("outcome", kWords[index_of(item.fate)]);
    object.add("kind", delta::word_for(item.change.kind));
    object.add("path", item.change.path.empty() ? std::string(".") : item.change.path);
    if (item.change.kind == delta::ChangeKind::renamed) object.add("from", item.change.from);
    if (!item.why.empty()) object.add("why", item.why);
    if (item.keeps_from) object.add("old_place_stays", true);
    items.add_text(object.text());
  }
  JsonArray missed(4);
  for (const delta::Missed &at : report.missed) {
    JsonObject object;
    object.add("path", at.path.empty() ? std::string(".") : at.path);
    object.add("why", at.why);
    missed.add_text(object.text());
  }
  JsonArray finished(4);
  for (const delta::Finished &change : report.finished) {
    JsonObject object;
    object.add("kind", delta::word_for(change.kind));
    object.add("path", change.path.empty() ? std::string(".") : change.path);
    if (change.kind == delta::ChangeKind::renamed) object.add("from", change.from);
    finished.add_text(object.text());
  }
  std::printf(
      "{\n  \"done\": %s,\n  \"resumed\": %s,\n  \"finished\": %s,\n  \"changes\": %s,\n  \"missed\": "
      "%s\n}\n",
      dry_run || report.plan.stopped ? "false" : "true", report.resumed ? "true" : "false",
      finished.text().c_str(), items.text().c_str(), missed.text().c_str());
}

int status_of(const ApplyReport &report) {
  std::array<size_t, kFates> counts = count(report);
  if (report.plan.stopped) {
    std::fprintf(
        stderr,
        "mount.agentfense: %s%zu of the delta's paths were changed in the base since it took them over; give "
        "--ours to overwrite the base's, --theirs to give up the delta's, or --path for the others\n",
        report.resumed ? "" : "nothing was applied: ", counts[index_of(Fate::conflict)]);
    return kDeltaFound;
  }
  bool old_place_stays = false;
  for (const Planned &item : report.plan.items) old_place_stays = old_place_stays || item.keeps_from;
  return counts[index_of(Fate::refused)] > 0 || !report.missed.empty() || old_place_stays ? kDeltaPartly
                                                                                          : kDeltaDone;
}

sys::Result<table::Table> load_policy(const DeltaArguments &arguments) {
  sys::Result<table::Table> table = load::load_table(table_path(arguments), geteuid());
  if (table.ok() || !arguments.table.empty()) return table;
  return sys::Status::failure(
      table.error(), table.status().message() + "; nothing is applied without the policy: or give --table");
}

}  // namespace

int delta_apply(std::span<const char *const> words) {
  DeltaArguments arguments;
  bool ours = false;
  bool theirs = false;
  bool json = false;
  delta::ApplyRequest request;
  CLI::App app("Writes the delta's changes into its base.", "mount.agentfense delta apply");
  app.footer(kFooter);
  add_delta_options(app, arguments);
  add_path_option(app, arguments);
  add_table_option(app, arguments);
  auto *overwrite = app.add_flag("--ours", ours, "in a conflict the delta's version goes over the base's");
  app.add_flag("--theirs", theirs, "in a conflict the base's version stays and the delta's is given up")
      ->excludes(overwrite);
  app.add_flag("--dry-run", request.dry_run, "say what would be done");
  app.add_flag("--json", json, "write it for programs");
  if (std::optional<int> answered = parse_words(app, words)) return *answered;

  sys::Result<std::vector<delta::PathGlob>> globs = parse_paths(arguments);
  if (!globs.ok()) return delta_fail(globs.status().message());
  sys::Result<OpenDelta> open =
      open_delta_to_write(arguments, request.dry_run ? Writing::delta : Writing::base);
  if (!open.ok()) return delta_fail(open.status().message());
  sys::Result<table::Table> table = load_policy(arguments);
  if (!table.ok()) return delta_fail(table.status().message());
  request.store = &open->store;
  request.base = open->base.get();
  request.table = &*table;
  request.paths = std::move(*globs);
  request.side = ours ? delta::Side::ours : theirs ? delta::Side::theirs : delta::Side::none;
  request.progress = progress_of("applying");
  sys::Result<ApplyReport> report = delta::apply(request);
  if (!report.ok()) return delta_fail(report.status().message());
  json ? print_json(*report, request.dry_run) : print_text(*report, request.dry_run);
  return finish_output(status_of(*report));
}

}  // namespace agentfense::cli
