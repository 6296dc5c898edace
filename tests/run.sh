#!/usr/bin/env bash
# Installs what is missing, configures, builds and runs all tests.
#
#   tests/run.sh [--asan | --tsan] [--quick]
#
#   --asan   with AddressSanitizer and UndefinedBehaviorSanitizer, in build-asan/
#   --tsan   with ThreadSanitizer, in build-tsan/
#   --quick  without the tests labelled `slow`
#
# The last line is `N passed, N failed, N skipped`; the status is 0 only where none failed.
# Tests that need FUSE or bubblewrap fail instead of skipping where AGENTFENSE_MUST_WORK=1. That is set
# here in CI and wherever root has a /dev/fuse; set it to 0 to allow skips there too.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=release
build=build
ctest_options=()
for option in "$@"; do
  case "$option" in
    --asan) preset=asan build=build-asan ;;
    --tsan) preset=tsan build=build-tsan ;;
    --quick) ctest_options+=(-LE slow) ;;
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) printf 'run.sh: unknown option %s; see tests/run.sh --help\n' "$option" >&2; exit 2 ;;
  esac
done

if [ -z "${AGENTFENSE_MUST_WORK:-}" ]; then
  if [ "${CI:-}" = true ] || { [ "$(id -u)" = 0 ] && [ -c /dev/fuse ]; }; then
    export AGENTFENSE_MUST_WORK=1
  fi
elif [ "$AGENTFENSE_MUST_WORK" = 0 ]; then
  unset AGENTFENSE_MUST_WORK
fi

exec </dev/null
tests/install-deps.sh

launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
cmake --preset "$preset" "${launcher[@]}"
cmake --build --preset "$preset" --parallel "$(nproc)"

results=$PWD/$build/test-results.xml
rm -f -- "$results"
status=0
ctest --preset "$preset" --parallel "$(nproc)" --output-junit "$results" "${ctest_options[@]}" || status=$?
if [ ! -s "$results" ]; then
  printf 'run.sh: ctest ended with status %s and wrote no results\n' "$status" >&2
  exit 1
fi
tests/count_results.py "$results" || status=1
exit "$status"
