# Sourced by every example: finds the two programs, makes a scratch folder, and counts claims.
#
# Programs: $AGENTFENSE_COMPILE and $MOUNT_AGENTFENSE where set, else from build/, else from PATH.
# Status of an example: 0 all claims hold, 1 one does not, 77 no sandbox can be made here (1 instead
# where AGENTFENSE_MUST_WORK=1).
set -euo pipefail

examples=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$examples")

find_program() {  # NAME FOLDER
  if [ -x "$root/build/$2/$1" ]; then
    printf '%s' "$root/build/$2/$1"
  else
    command -v "$1" || true
  fi
}
AGENTFENSE_COMPILE=${AGENTFENSE_COMPILE:-$(find_program agentfense-compile compiler)}
MOUNT_AGENTFENSE=${MOUNT_AGENTFENSE:-$(find_program mount.agentfense mounthelper)}

skip() {
  if [ "${AGENTFENSE_MUST_WORK:-}" = 1 ]; then
    printf '%s, and AGENTFENSE_MUST_WORK=1\n' "$1" >&2
    exit 1
  fi
  printf 'skipped: %s\n' "$1" >&2
  exit 77
}

need_programs() {
  if [ ! -x "$AGENTFENSE_COMPILE" ] || [ ! -x "$MOUNT_AGENTFENSE" ]; then
    printf 'agentfense-compile or mount.agentfense is not built; run examples/quickstart.sh first\n' >&2
    exit 1
  fi
}

need_sandbox() {
  { [ -r /dev/fuse ] && [ -w /dev/fuse ]; } || skip 'this user cannot open /dev/fuse'
  command -v bwrap >/dev/null || skip 'bubblewrap is not installed'
}

# A folder of its own, gone at exit. The tree in it is the base of the sandbox.
scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
tree=$scratch/tree
mkdir "$tree"

put() {  # PATH TEXT...: a file in the tree, one line for each TEXT
  local path=$tree/$1
  shift
  mkdir -p "$(dirname "$path")"
  printf '%s\n' "$@" >"$path"
}

compile() {  # TABLE ARGUMENTS...
  local table=$1
  shift
  "$AGENTFENSE_COMPILE" build "$@" --preset-dir "$root/stdlib-presets" -o "$table"
}

sandbox() {  # TABLE COMMAND...: runs it in the view of the tree, at /workspace
  local table=$1
  shift
  "$MOUNT_AGENTFENSE" run --table "$table" --base "$tree" --workdir /workspace -- "$@"
}

step() { printf '\n== %s\n' "$*"; }

failed=0
claim() {  # TEXT COMMAND...: the claim holds where the command succeeds
  local text=$1 output
  shift
  if output=$("$@" 2>&1); then
    printf '  ok    %s\n' "$text"
  else
    printf '  FAIL  %s\n%s\n' "$text" "$output"
    failed=$((failed + 1))
  fi
}

# The command fails with the given message (an errno's text) in its output.
fails_with() {  # MESSAGE COMMAND...
  local message=$1 output status=0
  shift
  output=$(LC_ALL=C "$@" 2>&1) || status=$?
  printf '%s\n' "$output"
  [ "$status" != 0 ] && [[ $output == *"$message"* ]]
}

finish() {
  printf '\n'
  if [ "$failed" != 0 ]; then
    printf '%s claims do not hold\n' "$failed"
    exit 1
  fi
  printf 'all claims hold\n'
}
