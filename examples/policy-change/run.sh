#!/usr/bin/env bash
# The review of a policy: what a pull request's change opens, said before it is merged. Needs no sandbox.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need_programs

# A command as the reader would type it beside the files. What it prints stays in $scratch/output.
show() {  # STATUS COMMAND...
  local wanted=$1 status=0
  shift
  printf '\n$ agentfense-compile %s\n' "$*"
  (cd "$scratch" && "$AGENTFENSE_COMPILE" "$@" --preset-dir "$root/stdlib-presets") >"$scratch/output" 2>&1 || status=$?
  cat "$scratch/output"
  claim "exit status $wanted" test "$status" = "$wanted"
}

says() {  # TEXT
  claim "it says: $1" grep -qF -- "$1" "$scratch/output"
}

step 'the project, the policy of its main branch, and the pull request'
put src/main.cc 'int main() {}'
put src/.env 'DB_PASSWORD=hunter2'
put src/.env.example 'DB_PASSWORD='
put docs/index.md '# Handbook'
put exports/customers.csv 'name,address'
put build/main.o ''
put out/report.md ''
cp "$examples"/policy-change/*.afp "$scratch"
(cd "$tree" && find . -type f | sort)
(cd "$scratch" && diff -U1 --label main.afp --label proposed.afp main.afp proposed.afp) || true

step 'nothing is wrong with either, and all their tests pass'
show 0 check main.afp proposed.afp --fail-on note
show 0 test main.afp proposed.afp

step 'but the change opens more than it says'
show 1 diff main.afp proposed.afp --fail-on raised --tree tree
says 'none -> read  /src/.env  '
says 'none -> read  /src/.env.example'
says 'read -> write  /docs/index.md'

step 'a rule that does nothing is an error, not a surprise'
sed 's/limit view nocase/allow view/' "$scratch/main.afp" >"$scratch/mistake.afp"
show 1 check mistake.afp
says '[dead-rule]'
says 'fix: '

step 'why, and what would change it'
show 0 explain main.afp /src/.env.example
says 'extends preset:secrets except /src/.env.example'
finish
