// internal-error, which no policy can cause: its text and its SARIF, as golden_test.py has those of all
// other codes.
#include <gtest/gtest.h>

#include "compiler/report/build_report.h"
#include "compiler/report/sarif.h"
#include "lang/print_diagnostics.h"

namespace agentfense::compiler::report {
namespace {

struct Example {
  lang::Diagnostics diagnostics;
  std::vector<lang::SourceFile> files{{.name = "main.afp", .text = "agentfense 1\n"}};

  Example() {
    lang::Diagnostic &d = diagnostics.report(
        lang::Code::internal_error, {},
        "the table does not mean what the rules say; no table was written, please report it");
    d.example = "/src";
  }
};

TEST(InternalError, IsPrintedWithThePathThatShowsIt) {
  const Example e;
  EXPECT_EQ(
      lang::print_diagnostics(e.diagnostics.all(), e.files),
      "main.afp: error: the table does not mean what the rules say; no table was written, please report it "
      "[internal-error]\n"
      "  example: /src\n");
}

TEST(InternalError, IsAResultOfSarif) {
  const Example e;
  const ReportInput input{.tool_version = "1.2.3",
                          .source = "main.afp",
                          .files = e.files,
                          .diagnostics = e.diagnostics,
                          .rules = nullptr,
                          .source_digest = {},
                          .analysis = nullptr,
                          .table = std::nullopt,
                          .tree = nullptr};
  EXPECT_EQ(sarif_text({build_report(input)}, "1.2.3"), R"({
  "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
  "runs": [
    {
      "artifacts": [
        {
          "hashes": {
            "sha-256": "a58df8b830b614622efb6c5b70a5e6cda120c165fae79364a0af694442df271e"
          },
          "location": {
            "uri": "main.afp",
            "uriBaseId": "%SRCROOT%"
          },
          "roles": [
            "analysisTarget"
          ]
        }
      ],
      "columnKind": "unicodeCodePoints",
      "originalUriBaseIds": {
        "%SRCROOT%": {
          "description": {
            "text": "The folder in which the command ran."
          }
        }
      },
      "results": [
        {
          "level": "error",
          "locations": [
            {
              "physicalLocation": {
                "artifactLocation": {
                  "index": 0,
                  "uri": "main.afp",
                  "uriBaseId": "%SRCROOT%"
                },
                "region": {
                  "startLine": 1
                }
              }
            }
          ],
          "message": {
            "text": "The table does not mean what the rules say; no table was written, please report it. Example: /src"
          },
          "partialFingerprints": {
            "agentfenseLine/v1": "119e5900e545536d41e9f8c51432d8fa:1"
          },
          "properties": {
            "examplePath": "/src",
            "policy": "",
            "source": "main.afp"
          },
          "ruleId": "internal-error",
          "ruleIndex": 0,
          "suppressions": []
        }
      ],
      "tool": {
        "driver": {
          "name": "agentfense-compile",
          "rules": [
            {
              "defaultConfiguration": {
                "level": "error"
              },
              "fullDescription": {
                "text": "The compiler checks its own result and found it wrong; nothing was written, so nothing unsafe can be loaded. This is no fault of the policy: please report it with the policy."
              },
              "help": {
                "markdown": "The compiler checks its own result and found it wrong; nothing was written, so nothing unsafe can be loaded. This is no fault of the policy: please report it with the policy.",
                "text": "The compiler checks its own result and found it wrong; nothing was written, so nothing unsafe can be loaded. This is no fault of the policy: please report it with the policy."
              },
              "id": "internal-error",
              "name": "InternalError",
              "shortDescription": {
                "text": "The compiler contradicts itself; no table was written."
              }
            }
          ],
          "semanticVersion": "1.2.3",
          "version": "1.2.3"
        }
      }
    }
  ],
  "version": "2.1.0"
}
)");
}

}  // namespace
}  // namespace agentfense::compiler::report
