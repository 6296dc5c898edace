#include "compiler/report/json.h"

#include <google/protobuf/util/json_util.h>

namespace agentfense::compiler::report {
namespace {

std::string as_json(const google::protobuf::Message &message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  // One shape whatever the policy: empty lists and false stand there.
  options.always_print_primitive_fields = true;
  std::string out;
  // Fails only for text that is not UTF-8, which build_report() lets none through.
  if (!google::protobuf::util::MessageToJsonString(message, &out, options).ok()) return {};
  return out;
}

}  // namespace

std::string json_text(const ::agentfense::report::v1::Report &report) { return as_json(report); }
std::string json_text(const ::agentfense::report::v1::CheckResult &result) { return as_json(result); }

}  // namespace agentfense::compiler::report
