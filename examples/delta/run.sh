#!/usr/bin/env bash
# Work that is reviewed before it counts: an agent's changes go to a delta, the project stays as it is, and a person
# looks at the patch, applies a part of it, and throws the rest away.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
need_programs
need_sandbox

# A command as the reader would type it beside the tree. What it prints stays in $scratch/output.
show() {  # STATUS COMMAND...
  local wanted=$1 status=0
  shift
  printf '\n$ mount.agentfense'
  local word
  for word in "$@"; do
    case "$word" in
      *[!A-Za-z0-9_./:=-]*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
  (cd "$scratch" && "$MOUNT_AGENTFENSE" "$@") >"$scratch/output" 2>&1 || status=$?
  cat "$scratch/output"
  claim "exit status $wanted" test "$status" = "$wanted"
}
says() { claim "it says: $1" grep -qF -- "$1" "$scratch/output"; }
fingerprint() { (cd "$tree" && find . -printf '%p %m %s %T@ %l\n' | sort && find . -type f -exec sha256sum {} + | sort) | sha256sum; }

step 'a project, and a policy'
put src/greet.py 'def greet(name):' '    print("hello " + name)'
put src/old.py 'import greet'
put docs/index.md '# Greeting'
put LICENSE 'MIT'
put .env 'DB_PASSWORD=hunter2'
table=$scratch/policy.aft
compile "$table" "$examples/delta/policy.afp"
before=$(fingerprint)

step 'an agent at work'
show 0 run --table policy.aft --base tree --delta delta -- sh -c '
  cd /workspace
  sed -i "s/\"hello \" + name/f\"hello {name}\"/" src/greet.py
  rm -r src/old.py
  mkdir src/test && echo "import greet" > src/test/test_greet.py
  mv docs docs2 2>/dev/null || echo "# Greeting, in two lines" > docs/index.md'
claim 'the project is untouched, times and all' test "$before" = "$(fingerprint)"

step 'what it did'
show 0 delta status delta --base tree
says 'changed     src/greet.py'
show 0 delta diff delta --base tree --path /src/greet.py
says '+    print(f"hello {name}")'

step 'keep the source, refuse the rest'
show 0 delta apply delta --base tree --path /src
claim 'the change is in the project' grep -qF 'f"hello {name}"' "$tree/src/greet.py"
claim 'a deleted file is gone' test ! -e "$tree/src/old.py"
claim 'the rest is not there' grep -qx '# Greeting' "$tree/docs/index.md"
show 0 delta discard delta --base tree
show 0 delta status delta --base tree
claim 'nothing is left to review' grep -qi 'no changes\|nothing' "$scratch/output"

step 'what is not reviewed leaves nothing'
middle=$(fingerprint)
show 0 run --table policy.aft --base tree --ephemeral -- sh -c 'rm -rf /workspace/src && ls /workspace'
claim 'the project is untouched' test "$middle" = "$(fingerprint)"
finish
