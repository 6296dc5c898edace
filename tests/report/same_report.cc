// same_report X.pb X.json: whether both hold the same conflict report, read by Protobuf's own readers.
// 0: they do; 1: they differ; 2: one of them is no report.
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "compiler/report/report.pb.h"

namespace {

std::string bytes_of(const char *file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char **argv) {
  using agentfense::report::v1::Report;
  if (argc != 3) {
    std::cerr << "usage: same_report X.pb X.json\n";
    return 2;
  }
  Report binary;
  Report json;
  if (!binary.ParseFromString(bytes_of(argv[1]))) {
    std::cerr << argv[1] << ": is no report\n";
    return 2;
  }
  if (const auto status = google::protobuf::util::JsonStringToMessage(bytes_of(argv[2]), &json);
      !status.ok()) {
    std::cerr << argv[2] << ": " << status.ToString() << "\n";
    return 2;
  }
  google::protobuf::util::MessageDifferencer differencer;
  std::string differences;
  differencer.ReportDifferencesToString(&differences);
  const bool same = differencer.Compare(binary, json);
  std::cerr << differences;
  return same ? 0 : 1;
}
