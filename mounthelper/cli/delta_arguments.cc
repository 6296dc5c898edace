#include "mounthelper/cli/delta_arguments.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "mounthelper/cli/delta_main.h"
#include "mounthelper/sys/base_dir.h"

namespace agentfense::cli {
namespace {

// CLI11 writes its errors as lines; ours are one sentence.
std::string one_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

void add_delta_options(CLI::App &app, DeltaArguments &arguments) {
  app.add_option("DELTA", arguments.delta, "the delta's directory")->required()->type_name("");
  app.add_option("--base", arguments.base, "the directory that it was made over")
      ->required()
      ->type_name("DIR");
}

void add_path_option(CLI::App &app, DeltaArguments &arguments) {
  app.add_option("--path", arguments.paths,
                 "only what the pattern covers, such as /src or **/*.py; may be repeated")
      ->type_name("GLOB")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

std::optional<int> parse_words(CLI::App &app, std::span<const char *const> words) {
  // CLI11 takes its words last first.
  std::vector<std::string> reversed(std::make_reverse_iterator(words.end()),
                                    std::make_reverse_iterator(words.begin()));
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp &) {
    std::fputs(app.help().c_str(), stdout);
    return finish_output(kDeltaDone);
  } catch (const CLI::ParseError &error) {
    return delta_fail(one_line(error.what()) + "; see " + app.get_name() + " --help");
  }
  return std::nullopt;
}

int delta_fail(const std::string &message) {
  std::fprintf(stderr, "mount.agentfense: %s\n", message.c_str());
  return kDeltaFailed;
}

int finish_output(int status) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
  return delta_fail("standard output cannot be written; is its disk full or its reader gone?");
}

bool colour_on(int fd) {
  const char *refused = std::getenv("NO_COLOR");
  return isatty(fd) == 1 && (refused == nullptr || *refused == '\0');
}

sys::Result<OpenDelta> open_delta_to_read(const DeltaArguments &arguments) {
  sys::Result<sys::Fd> base = sys::open_base(arguments.base.c_str(), /*read_only=*/true);
  if (!base.ok()) return base.status();
  delta::StoreRequest request;
  request.path = arguments.delta;
  request.base = base->get();
  request.base_path = arguments.base;
  sys::Result<delta::Store> store = delta::open_to_read(request);
  if (!store.ok()) return store.status();
  return OpenDelta{std::move(*base), std::move(*store)};
}

sys::Result<std::vector<delta::PathGlob>> parse_paths(const DeltaArguments &arguments) {
  std::vector<delta::PathGlob> globs;
  for (const std::string &pattern : arguments.paths) {
    sys::Result<delta::PathGlob> glob = delta::PathGlob::parse(pattern);
    if (!glob.ok()) return glob.status();
    globs.push_back(std::move(*glob));
  }
  return globs;
}

}  // namespace agentfense::cli
