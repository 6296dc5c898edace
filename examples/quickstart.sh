#!/usr/bin/env bash
# From nothing to a sandboxed command. On a fresh Debian 12, as root: installs what is missing, builds
# the two programs, compiles a policy and runs commands over a real tree through it.
#
# Where $AGENTFENSE_COMPILE and $MOUNT_AGENTFENSE name the programs, nothing is installed or built.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [ -z "${AGENTFENSE_COMPILE:-}" ] || [ -z "${MOUNT_AGENTFENSE:-}" ]; then
  cd "$here/.."
  printf '== install what is missing, and build\n'
  tests/install-deps.sh
  cmake --preset release >/dev/null
  cmake --build --preset release --parallel "$(nproc)" --target agentfense-compile mount.agentfense
fi

source "$here/common.sh"
need_programs
need_sandbox

# The command that follows, as the reader would type it.
show() {
  printf '\n$'
  local word
  for word in "$@"; do
    case "$word" in
      *[!A-Za-z0-9_./:=-]*) printf " '%s'" "$word" ;;
      *) printf ' %s' "$word" ;;
    esac
  done
  printf '\n'
}

step 'a real tree'
put src/main.py 'print("hello from the sandbox")'
put .env 'DB_PASSWORD=hunter2'
put secrets/db.txt 'hunter3'
mkdir "$tree/out"
(cd "$tree" && find . -type f)

step 'the policy'
cat "$here/quickstart.afp"
table=$scratch/quickstart.aft
show agentfense-compile build quickstart.afp -o quickstart.aft
compile "$table" "$here/quickstart.afp"
show agentfense-compile explain quickstart.aft /src/main.py /out/result.txt /.env
"$AGENTFENSE_COMPILE" explain "$table" /src/main.py /out/result.txt /.env

step 'commands inside'
inside() {
  show mount.agentfense run --table quickstart.aft --base tree -- "$@"
  sandbox "$table" "$@" 2>&1 || printf '(status %s)\n' "$?"
}
inside python3 src/main.py
inside find . -type f
inside cat .env
inside sh -c 'echo "# changed" >>src/main.py'
inside sh -c 'python3 src/main.py >out/result.txt && cat out/result.txt'

step 'what holds'
claim 'a hidden file is gone' fails_with 'No such file' sandbox "$table" cat .env
claim 'a folder of secrets too' fails_with 'No such file' sandbox "$table" ls secrets
claim 'a read-only file refuses writing' fails_with 'Permission denied' sandbox "$table" sh -c 'echo x >>src/main.py'
claim 'and is unchanged' grep -qx 'print("hello from the sandbox")' "$tree/src/main.py"
claim 'a writable folder takes files' grep -qx 'hello from the sandbox' "$tree/out/result.txt"
finish
