#!/usr/bin/env bash
# clang-format over all C++ sources; with --tidy also clang-tidy, which needs a configured build/.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

folders=(lang compiler mounthelper tests)
if [ -d lsp ]; then folders+=(lsp); fi
mapfile -d '' sources < <(find "${folders[@]}" -name '*.cc' -print0 -o -name '*.h' -print0 | sort -z)
bad=()
for file in "${sources[@]}"; do
  clang-format --dry-run -Werror "$file" 2>/dev/null || bad+=("$file")
done
if [ "${#bad[@]}" -gt 0 ]; then
  printf 'lint.sh: not laid out by clang-format; run: clang-format -i %s\n' "${bad[*]}" >&2
  exit 1
fi

case "${1:-}" in
  '') ;;
  --tidy)
    [ -f build/compile_commands.json ] || { echo 'lint.sh: no build/compile_commands.json; run tests/run.sh first' >&2; exit 1; }
    # Without parse.cc: clang 14 rejects ANTLR's headers, which g++ takes.
    printf '%s\0' "${sources[@]}" | grep -z -E '^(lang|compiler|mounthelper|lsp)/.*\.cc$' | grep -z -v -x 'lang/parse.cc' |
      xargs -0 -P "$(nproc)" -n 1 clang-tidy -p build --quiet
    ;;
  *) echo "lint.sh: unknown option $1; the only one is --tidy" >&2; exit 2 ;;
esac
echo "lint: ${#sources[@]} files are clean"
