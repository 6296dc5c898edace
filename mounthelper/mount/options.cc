#include "mounthelper/mount/options.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>

#include "mounthelper/mount/size.h"

namespace agentfense::mount {
namespace {

struct Flag {
  std::string_view name;
  unsigned long set;
  unsigned long clear;
};

constexpr unsigned long kAtime = MS_NOATIME | MS_RELATIME | MS_STRICTATIME;

constexpr Flag kFlags[] = {
    {"noexec", MS_NOEXEC, 0},
    {"exec", 0, MS_NOEXEC},
    {"noatime", MS_NOATIME, kAtime},
    {"atime", 0, MS_NOATIME},
    {"nodiratime", MS_NODIRATIME, 0},
    {"diratime", 0, MS_NODIRATIME},
    {"relatime", MS_RELATIME, kAtime},
    {"norelatime", 0, MS_RELATIME},
    {"strictatime", MS_STRICTATIME, kAtime},
    {"nostrictatime", 0, MS_STRICTATIME},
    {"lazytime", MS_LAZYTIME, 0},
    {"nolazytime", 0, MS_LAZYTIME},
    {"sync", MS_SYNCHRONOUS, 0},
    {"async", 0, MS_SYNCHRONOUS},
    {"dirsync", MS_DIRSYNC, 0},
    {"silent", MS_SILENT, 0},
    {"loud", 0, MS_SILENT},
};

// What mount(8), fstab and systemd say to each other, and what always holds in a view.
constexpr std::string_view kIgnored[] = {
    "defaults", "auto",  "noauto",  "nofail",  "_netdev", "user",   "nouser", "users",
    "nousers",  "owner", "group",   "noowner", "nogroup", "nosuid", "nodev",  "default_permissions",
    "uid",      "gid",   "comment",
};

// Splits at commas that stand outside double quotes, and drops the quotes.
std::vector<std::string> split_options(std::string_view text) {
  std::vector<std::string> parts(1);
  bool quoted = false;
  for (char c : text) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  std::erase_if(parts, [](const std::string &part) { return part.empty(); });
  return parts;
}

class Parser {
 public:
  explicit Parser(bool sloppy) : sloppy_(sloppy) {}

  std::variant<MountOptions, std::string> parse(std::string_view text) {
    for (const std::string &option : split_options(text)) {
      size_t equals = option.find('=');
      bool has_value = equals != std::string::npos;
      std::string name = option.substr(0, equals);
      std::string value = has_value ? option.substr(equals + 1) : "";
      if (std::string error = take(option, name, has_value, value); !error.empty()) return error;
    }
    if (result_.table.empty() && result_.preset.empty()) {
      return "no table was given; add -o table=OUT.aft or -o preset=NAME";
    }
    if (!result_.table.empty() && !result_.preset.empty()) {
      return "both table=" + result_.table + " and preset=" + result_.preset +
             " were given; give one of them";
    }
    if (result_.delta_size != 0 && result_.delta.empty()) {
      return "option delta-size limits a delta, and none was given; add delta=DIR, or leave it out";
    }
    result_.opens = opens_.value_or(result_.coherence == Coherence::live ? Opens::asked : Opens::cached);
    return result_;
  }

 private:
  std::string take(const std::string &option, const std::string &name, bool has_value,
                   const std::string &value) {
    if (name == "table") return take_text(name, value, result_.table);
    if (name == "preset") return take_text(name, value, result_.preset);
    if (name == "delta") return take_text(name, value, result_.delta);
    if (name == "delta-size") return take_delta_size(option, value);
    if (name == "coherence") {
      return take_choice(option, {"live", "snapshot"}, value, [&](size_t i) {
        result_.coherence = i == 0 ? Coherence::live : Coherence::snapshot;
      });
    }
    if (name == "open") {
      return take_choice(option, {"asked", "cached"}, value,
                         [&](size_t i) { opens_ = i == 0 ? Opens::asked : Opens::cached; });
    }
    if (is_ignored(name)) {
      result_.ignored.push_back(option);
      return {};
    }
    return has_value ? unknown(option) : take_word(option);
  }

  static std::string take_text(const std::string &name, const std::string &value, std::string &target) {
    if (value.empty()) return "option " + name + " needs a value; write " + name + "=...";
    if (!target.empty()) return "option " + name + " was given twice; give it once";
    target = value;
    return {};
  }

  std::string take_delta_size(const std::string &option, const std::string &value) {
    std::optional<uint64_t> size = parse_size(value);
    if (!size) {
      return "option " + option +
             " is not a size; write delta-size=N in bytes, or with K, M or G, as in 512M";
    }
    result_.delta_size = *size;
    return {};
  }

  template <typename Set>
  std::string take_choice(const std::string &option, std::array<std::string_view, 2> choices,
                          const std::string &value, Set set) {
    auto found = std::find(choices.begin(), choices.end(), value);
    if (found == choices.end()) {
      return "option " + option + " has no such value; write " + option.substr(0, option.find('=')) + "=" +
             std::string(choices[0]) + " or =" + std::string(choices[1]);
    }
    set(static_cast<size_t>(found - choices.begin()));
    return {};
  }

  std::string take_word(const std::string &word) {
    if (word == "ro" || word == "rw") {
      result_.read_only = word == "ro";
      return {};
    }
    if (word == "allow_other") {
      result_.allow_other = true;
      return {};
    }
    if (word == "suid" || word == "dev") {
      return "option " + word + " is refused, because a view never honours " +
             (word == "suid" ? "set-id bits" : "device nodes") + "; leave it out";
    }
    if (word == "remount") {
      return "option remount is refused, because a mounted view cannot change; unmount it and mount it anew";
    }
    for (const Flag &flag : kFlags) {
      if (flag.name != word) continue;
      result_.flags = (result_.flags & ~flag.clear) | flag.set;
      return {};
    }
    return unknown(word);
  }

  static bool is_ignored(std::string_view name) {
    return name.starts_with("x-") || name.starts_with("X-") ||
           std::find(std::begin(kIgnored), std::end(kIgnored), name) != std::end(kIgnored);
  }

  std::string unknown(const std::string &option) {
    if (!sloppy_)
      return "unknown mount option " + option + "; leave it out, or give -s to ignore such options";
    result_.ignored.push_back(option);
    return {};
  }

  bool sloppy_;
  MountOptions result_;
  std::optional<Opens> opens_;
};

}  // namespace

std::variant<MountOptions, std::string> parse_mount_options(std::string_view text, bool sloppy) {
  return Parser(sloppy).parse(text);
}

}  // namespace agentfense::mount
