// The example of the language reference, as syntax tree and as rules, to the last place.
#include <gtest/gtest.h>

#include <algorithm>

#include "big_policy.h"
#include "lang/dump.h"
#include "lang/parse.h"

namespace agentfense::lang {
namespace {

const char *const kRules = R"RULES(policy coding-agent
file main.afp
file team.afp
file preset:secrets
limit none of secrets inherited "hidden" @2:3:3
  covers **/.env* @2:3:14
    /**/.env*
  covers **/secrets @2:3:24
    /**/secrets
  except **/.env.example @0:8:51
    /**/.env.example
allow read of coding-agent "browse the repository" @0:9:3
  covers / @0:9:15
    /
allow write of coding-agent "the agent's job" @0:10:3
  covers /src @0:6:17
    /src
  covers /include @0:6:23
    /include
  covers /lib/**/*.h @0:6:33
    /lib/**/*.h
  covers /tests @0:10:24
    /tests
  covers /build @0:10:32
    /build
allow write of coding-agent @0:11:3
  covers /output/u42 @0:11:15
    /output/u42
limit read of coding-agent "third-party code is not ours to edit" @0:13:3
  covers /src/vendor @0:13:15
    /src/vendor
limit view of coding-agent "names only" @0:14:3
  covers /data @0:14:15
    /data
limit none of coding-agent @0:15:3
  covers /.git @0:15:15
    /.git
  except /.git/HEAD @0:15:28
    /.git/HEAD
limit none nocase of coding-agent @0:16:3
  covers **/*.{pem,key,p12} @0:16:22
    /**/*.[Kk][Ee][Yy]
    /**/*.[Pp][Ee][Mm]
    /**/*.[Pp]12
never write @0:18:3
  covers /.github @0:18:15
    /.github
  covers /CODEOWNERS @0:18:25
    /CODEOWNERS
never read @0:19:3
  covers **/id_{rsa,ed25519} @0:19:15
    /**/id_ed25519
    /**/id_rsa
test write /src/main.cc @0:22:11
test read /src/vendor/zlib/zlib.h @0:23:11
test view /data/customers.csv @0:24:11
test none /secrets/db.txt @0:25:11
test none /a/b/secrets/db.txt @0:25:28
test read /.env.example @0:26:11
)RULES";

const char *const kTree = R"TREE(import "team.afp" @0:3:8
param tenant = "demo" @0:4:7
set sources @0:6:5
  item bare /src @0:6:17
  item bare /include @0:6:23
  item bare /lib/**/*.h @0:6:33
policy coding-agent @0:8:8
  extends preset:secrets
    except bare **/.env.example @0:8:51
  allow read "browse the repository" @0:9:3
    item bare / @0:9:15
  allow write "the agent's job" @0:10:3
    item name sources @0:10:15
    item bare /tests @0:10:24
    item bare /build @0:10:32
  allow write @0:11:3
    item bare /output/${tenant} @0:11:15
  limit read "third-party code is not ours to edit" @0:13:3
    item bare /src/vendor @0:13:15
  limit view "names only" @0:14:3
    item bare /data @0:14:15
  limit none @0:15:3
    item bare /.git @0:15:15
    except bare /.git/HEAD @0:15:28
  limit none nocase @0:16:3
    item bare **/*.{pem,key,p12} @0:16:22
  never write @0:18:3
    item bare /.github @0:18:15
    item bare /CODEOWNERS @0:18:25
  never read @0:19:3
    item bare **/id_{rsa,ed25519} @0:19:15
  test write
    path bare /src/main.cc @0:22:11
  test read
    path bare /src/vendor/zlib/zlib.h @0:23:11
  test view
    path bare /data/customers.csv @0:24:11
  test none
    path bare /secrets/db.txt @0:25:11
    path bare /a/b/secrets/db.txt @0:25:28
  test read
    path bare /.env.example @0:26:11
)TREE";

TEST(BigExample, HasTheseRules) {
  Loaded loaded = load(big_policy_files(kBigPolicy), big_policy_options());
  ASSERT_TRUE(loaded.result.rules) << loaded.printed;
  EXPECT_EQ(loaded.printed, "");
  EXPECT_EQ(dump_rules(*loaded.result.rules), kRules);
}

TEST(BigExample, HasThisTree) {
  Diagnostics diagnostics;
  EXPECT_EQ(dump_ast(parse(0, kBigPolicy, diagnostics)), kTree);
  EXPECT_TRUE(diagnostics.all().empty());
}

TEST(BigExample, ReadsTheSameWithCrLf) {
  std::string text;
  for (char c : std::string(kBigPolicy)) text += c == '\n' ? "\r\n" : std::string(1, c);
  Loaded loaded = load(big_policy_files(text), big_policy_options());
  ASSERT_TRUE(loaded.result.rules) << loaded.printed;
  EXPECT_EQ(dump_rules(*loaded.result.rules), kRules);
}

}  // namespace
}  // namespace agentfense::lang
