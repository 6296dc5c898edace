#include "mounthelper/delta/paths.h"

#include <algorithm>

#include "mounthelper/view/reserved_names.h"

namespace agentfense::delta {

bool may_write(const table::Table &table, std::string_view path) {
  if (view::holds_reserved(path)) return false;
  table::StateId state = table.root();
  for (size_t begin = 0; begin < path.size();) {
    size_t end = std::min(path.find('/', begin), path.size());
    state = table.step(state, path.substr(begin, end - begin));
    begin = end + 1;
  }
  return table.info(state).level == table::Level::write;
}

}  // namespace agentfense::delta
