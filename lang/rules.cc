#include "lang/rules.h"

namespace agentfense::lang {

const char *level_name(Level level) {
  switch (level) {
    case Level::none:
      return "none";
    case Level::view:
      return "view";
    case Level::read:
      return "read";
    case Level::write:
      return "write";
  }
  return "none";
}

}  // namespace agentfense::lang
