#include "mounthelper/mount/arguments.h"

#include <optional>
#include <string_view>

namespace agentfense::mount {
namespace {

// One pass over the words; options and the two paths may come in any order.
class Parser {
 public:
  explicit Parser(std::span<const char *const> words) : words_(words) {}

  std::variant<MountArguments, std::string> parse() {
    bool only_paths = false;
    for (; next_ < words_.size() && error_.empty(); ++next_) {
      std::string_view word = words_[next_];
      if (!only_paths && word == "--") {
        only_paths = true;
      } else if (!only_paths && word.size() > 1 && word.front() == '-') {
        read_letters(word.substr(1));
      } else {
        paths_.emplace_back(word);
      }
    }
    if (error_.empty() && paths_.size() != 2) {
      error_ = "a mount needs BASE and DIR, and " + std::to_string(paths_.size()) +
               (paths_.size() == 1 ? " path was given" : " paths were given") +
               "; see mount.agentfense --help";
    }
    if (!error_.empty()) return error_;
    result_.base = paths_[0];
    result_.dir = paths_[1];
    return result_;
  }

 private:
  void read_letters(std::string_view letters) {
    for (size_t i = 0; i < letters.size(); ++i) {
      switch (letters[i]) {
        case 'f':
          result_.fake = true;
          break;
        case 's':
          result_.sloppy = true;
          break;
        case 'v':
          result_.verbose = true;
          break;
        case 'n':
          break;  // no /etc/mtab is written anyway
        case 'o':
        case 'N':
        case 't':
          if (auto value = value_of(letters, i)) take(letters[i], *value);
          return;
        default:
          error_ = "unknown option -" + std::string(letters.substr(i)) + "; see mount.agentfense --help";
          return;
      }
    }
  }

  // The rest of the word, or the next one.
  std::optional<std::string> value_of(std::string_view letters, size_t at) {
    if (at + 1 < letters.size()) return std::string(letters.substr(at + 1));
    if (next_ + 1 < words_.size()) return std::string(words_[++next_]);
    error_ = std::string("option -") + letters[at] + " needs a value; see mount.agentfense --help";
    return std::nullopt;
  }

  void take(char letter, const std::string &value) {
    if (letter == 'o') {
      if (!result_.options.empty() && !value.empty()) result_.options += ',';
      result_.options += value;
    } else if (letter == 'N') {
      result_.mount_space = value;
    } else if (value != "agentfense" && value != "fuse.agentfense") {
      error_ = "-t " + value + " is not a type that mount.agentfense serves; use -t agentfense";
    }
  }

  std::span<const char *const> words_;
  size_t next_ = 0;
  std::vector<std::string> paths_;
  MountArguments result_;
  std::string error_;
};

}  // namespace

std::variant<MountArguments, std::string> parse_mount_arguments(std::span<const char *const> words) {
  return Parser(words).parse();
}

}  // namespace agentfense::mount
