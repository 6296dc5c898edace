#include "compiler/report/help.h"

namespace agentfense::compiler::report {

std::string_view help_of(lang::Code code) {
  switch (code) {
#define AGENTFENSE_HELP(ident, text) \
  case lang::Code::ident:            \
    return text;
#include "compiler/report/help.def"
#undef AGENTFENSE_HELP
  }
  return {};
}

}  // namespace agentfense::compiler::report
