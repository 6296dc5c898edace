#!/usr/bin/env bash
# An untrusted CI job: a real C build with make, and a test that tries to steal and to sabotage.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need_programs
need_sandbox

step 'a C project, with the infrastructure in the same repository'
put src/main.c '#include <stdio.h>' '#include "add.h"' 'int main(void) { return printf("2+3=%d\n", add(2, 3)) < 0; }'
put src/add.h 'int add(int a, int b);'
put src/add.c '#include "add.h"' 'int add(int a, int b) { return a + b; }'
printf '%s\n' 'B := ../build' '$(B)/app: $(B)/main.o $(B)/add.o' $'\t$(CC) -o $@ $^' \
  '$(B)/%.o: %.c' $'\t$(CC) -c -o $@ $<' 'test: $(B)/app' $'\tsh ../tests/run.sh' >"$tree/src/Makefile"
put infra/prod.tfvars 'db_password = "hunter2"'
put infra/main.tf 'resource "server" "prod" {}'
put src/dev.tfvars 'db_password = "hunter3"'
put README.md 'not for the job either'
ln -s ../infra "$tree/src/infra"
mkdir "$tree/build"
cat >"$tree/tests.sh" <<'JOB'
[ "$(../build/app)" = "2+3=5" ] && echo "test passed"
{
  echo "names above the sources: $(ls .. | xargs)"
  cat ../infra/prod.tfvars infra/prod.tfvars dev.tfvars ../README.md
  find / -xdev -path /proc -prune -o -name '*.tfvars' -print
  grep -r 'hunter[0-9]' /workspace
  echo 'int add(int a, int b) { return 0; }' >add.c
  mv add.c ../build/ ; rm -rf ../tests
  ln ../src/add.c ../build/linked.c
  mkdir ../infra && echo 'the job made /infra'
  echo "interfaces: $(sed -n 's/^ *\([^ ]*\):.*/\1/p' /proc/net/dev | xargs)"
} >../build/attack.log 2>&1
exit 0
JOB
mkdir "$tree/tests"
mv "$tree/tests.sh" "$tree/tests/run.sh"
before=$(cd "$tree" && find src tests infra README.md -type f -exec sha256sum {} + | sort)

step 'compile the policy'
table=$scratch/ci-job.aft
compile "$table" "$examples/ci-job/policy.afp"

step 'the job: make test'
sandbox "$table" make -C src test
log=$tree/build/attack.log
printf '\nwhat the test tried on the side:\n'
sed 's/^/  /' "$log"

step 'what holds'
after=$(cd "$tree" && find src tests infra README.md -type f -exec sha256sum {} + | sort)
claim 'the build works and its results are in the real tree' test "$("$tree/build/app")" = 2+3=5
claim 'the job saw three folders' grep -qx 'names above the sources: build src tests' "$log"
claim 'no secret came out' test "$(grep -c 'hunter[0-9]' "$log")" = 0
claim 'a search of the whole file system met no tfvars' test "$(grep -c '^/.*tfvars$' "$log")" = 0
claim 'hidden and missing read the same' test "$(grep -c 'tfvars: No such file' "$log")" = 3
claim 'sources, tests and infrastructure are unchanged' test "$before" = "$after"
claim 'no hard link to a source' test ! -e "$tree/build/linked.c"
claim 'a hidden name cannot be taken' test "$(grep -c 'the job made /infra' "$log")" = 0
claim 'no network but the loopback device' grep -qx 'interfaces: lo' "$log"
finish
