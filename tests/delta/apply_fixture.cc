#include "tests/delta/apply_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "mounthelper/delta/origins.h"

namespace agentfense::delta_test {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> paths_below(const std::string &root) {
  std::vector<std::string> paths;
  for (const auto &entry : fs::recursive_directory_iterator(root)) {
    paths.push_back(entry.path().string().substr(root.size() + 1));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

void Delta::make(const Tree &base, const Tree &upper, const std::function<void()> &between) {
  layers_.make_base(base);
  layers_.make_upper(upper);
  auto open_part = [&](const char *part) {
    return sys::Fd(open((layers_.path() + part).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  };
  store_.directory = open_part("/delta");
  store_.upper = open_part("/delta/upper");
  store_.work = open_part("/delta/work");
  store_.meta = open_part("/delta/meta");
  if (between) between();
  settle_times(this->base(), 1);
  settle_times(this->upper(), 2);
  note_origins();
}

void Delta::note_origins() const {
  delta::Origins origins;
  struct stat info {};
  if (lstat(base().c_str(), &info) == 0) origins[""] = delta::origin_from(info);
  for (const std::string &path : paths_below(base())) {
    if (lstat((base() + "/" + path).c_str(), &info) == 0) origins[path] = delta::origin_from(info);
  }
  if (!delta::write_origins(store_.meta.get(), origins).ok()) throw std::runtime_error("origins");
}

delta::ApplyRequest Delta::request(const table::Table &table) const {
  delta::ApplyRequest request;
  request.store = &store_;
  request.base = layers_.base();
  request.table = &table;
  return request;
}

std::vector<std::string> Delta::left_in_upper() const { return paths_below(upper()); }

std::vector<std::string> fates(const delta::ApplyReport &report) {
  constexpr const char *kWords[] = {"applied", "refused", "conflict", "dropped", "left"};
  std::vector<std::string> lines;
  for (const delta::Planned &item : report.plan.items) {
    std::string line = kWords[static_cast<int>(item.fate)];
    line += " " + (item.change.path.empty() ? "." : item.change.path);
    if (!item.why.empty()) line += ": " + item.why;
    lines.push_back(std::move(line));
  }
  for (const delta::Missed &missed : report.missed)
    lines.push_back("missed " + missed.path + ": " + missed.why);
  return lines;
}

}  // namespace agentfense::delta_test
