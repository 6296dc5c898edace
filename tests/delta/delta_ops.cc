// delta_ops fill DIR SEED [HIDDEN]
// delta_ops tree DIR seen|exact|all
// delta_ops same LEFT RIGHT seen|exact|all
// delta_ops run LEFT RIGHT [seed=N] [count=N] [every=N] [script=FILE] [log=FILE] [exact] [hidden] [refused]
//           [directory-reads] [never-read-only] [may-cross] [no-identities]
//
// `run` says `remount` when it has closed everything, and goes on when it reads a line: `ok`, or anything else
// for a failure. Exits with 1 where something differs; its last line says what. log: what was done, for script=.
#include <grp.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "tests/delta/lockstep.h"
#include "tests/delta/tree.h"

namespace {

using namespace agentfense::testing;

int usage() {
  std::fputs("delta_ops: see the head of delta_ops.cc\n", stderr);
  return 2;
}

Detail detail_of(const std::string &word) {
  return word == "all" ? Detail::all : word == "exact" ? Detail::exact : Detail::seen;
}

bool ask_for_remount() {
  std::cout << "remount" << std::endl;
  std::string line;
  return std::getline(std::cin, line) && line == "ok";
}

std::vector<Op> read_script(const std::string &path) {
  std::vector<Op> ops;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line[0] != '#') ops.push_back(from_text(line));
  }
  return ops;
}

int run(const std::vector<std::string> &words) {
  LockstepRequest request;
  request.left = words[1];
  request.right = words[2];
  std::string log;
  for (size_t i = 3; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string key = words[i].substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : words[i].substr(equals + 1);
    if (key == "seed") {
      request.seed = std::stoull(value);
    } else if (key == "count") {
      request.count = std::stol(value);
    } else if (key == "every") {
      request.every = std::stol(value);
    } else if (key == "script") {
      request.script = read_script(value);
    } else if (key == "log") {
      log = value;
    } else if (key == "exact") {
      request.exact = true;
    } else if (key == "hidden") {
      request.style.hidden_names = true;
    } else if (key == "refused") {
      request.style.refused = true;
    } else if (key == "directory-reads") {
      request.style.directory_reads = true;
    } else if (key == "never-read-only") {
      request.style.never_read_only = true;
    } else if (key == "may-cross") {
      request.may_cross = true;
    } else if (key == "no-identities") {
      request.identities = false;
    } else {
      return usage();
    }
  }
  umask(0);
  if (setgroups(0, nullptr) != 0) {
    std::perror("setgroups");
    return 2;
  }
  const LockstepResult result = run_lockstep(request, ask_for_remount);
  if (!log.empty()) {
    std::ofstream file(log);
    for (const Op &op : result.done) file << to_text(op) << '\n';
  }
  std::cout << result.done.size() << " operations, " << result.succeeded << " succeeded, " << result.crossed
            << " renames refused with EXDEV\n";
  if (result.difference.empty()) return 0;
  std::cout << to_text(result.done.back()) << ": " << result.difference << '\n';
  return 1;
}

}  // namespace

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);  // a FIFO without a reader is an answer, too
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 3) return usage();
  if (words[0] == "fill") {
    fill_tree(words[1], std::stoull(words[2]), words.size() > 3 ? std::stoull(words[3]) : 0);
    return 0;
  }
  if (words[0] == "tree") {
    for (const auto &[path, line] : read_tree(words[1], detail_of(words[2]))) {
      std::cout << escape(path) << ' ' << line << '\n';
    }
    return 0;
  }
  if (words[0] == "same" && words.size() == 4) {
    const Detail detail = detail_of(words[3]);
    const std::string difference = first_difference(read_tree(words[1], detail), read_tree(words[2], detail));
    if (!difference.empty()) std::cout << difference << '\n';
    return difference.empty() ? 0 : 1;
  }
  return words[0] == "run" ? run(words) : usage();
}
