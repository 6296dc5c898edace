// report_places: byte places of a source as the report has them, in lines and characters.
#pragma once

#include <vector>

#include "compiler/report/report.pb.h"
#include "lang/rules.h"

namespace agentfense::compiler::report {

// A byte that starts a UTF-8 character counts as one; others do not count.
// A place beyond its file's text keeps its line, column and offset and has no length.
void set_place(const lang::Place &place, const std::vector<lang::SourceFile> &files,
               ::agentfense::report::v1::Place &out);

}  // namespace agentfense::compiler::report
