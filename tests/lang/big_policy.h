// The whole example of the language reference, with the file that it imports and the preset.
#pragma once

#include "memory_files.h"

namespace agentfense::lang {

inline const char *const kBigPolicy =
    R"(agentfense 1                          # language version, first statement of every file

import "team.afp"                     # a file beside this one
param tenant = "demo"                 # a value given at compile time: -D tenant=u42

set sources = { /src, /include, /lib/**/*.h }

policy coding-agent extends preset:secrets except **/.env.example {
  allow read  /                                   "browse the repository"
  allow write sources, /tests, /build             "the agent's job"
  allow write /output/${tenant}

  limit read  /src/vendor                         "third-party code is not ours to edit"
  limit view  /data                               "names only"
  limit none  /.git except /.git/HEAD
  limit none  nocase **/*.{pem,key,p12}

  never write /.github, /CODEOWNERS               # compile error, with an example path, if any path breaks it
  never read  **/id_{rsa,ed25519}

  test {                                          # run at every build; a failure is a compile error
    write /src/main.cc
    read  /src/vendor/zlib/zlib.h
    view  /data/customers.csv
    none  /secrets/db.txt, /a/b/secrets/db.txt
    read  /.env.example
  }
}
)";

inline MemoryFiles big_policy_files(const std::string &main) {
  return MemoryFiles{{"main.afp", main},
                     {"team.afp", "agentfense 1\nset team = { /team }\n"},
                     {"presets/secrets.afp",
                      "agentfense 1\npolicy secrets {\n  limit none **/.env*, **/secrets \"hidden\"\n}\n"}};
}

inline LoadOptions big_policy_options() {
  LoadOptions options;
  options.preset_dirs = {"presets"};
  options.defines = {{"tenant", "u42"}};
  return options;
}

}  // namespace agentfense::lang
