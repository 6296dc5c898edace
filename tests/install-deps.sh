#!/usr/bin/env bash
# Installs what building and testing need on Debian 12, from Debian's archive only, and builds libfuse.
# Does nothing where everything is there. Needs root only where a package is missing.
#
#   --helper-only   what mount.agentfense alone needs: no LLVM, ANTLR, Protobuf or Java
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

helper_packages=(
  g++ cmake ninja-build git python3 pkg-config make
  libsodium-dev libcli11-dev zlib1g-dev
  libfuse3-dev fuse3 bubblewrap libgtest-dev libgmock-dev libbenchmark-dev
  # To build libfuse 3.18 from its source package.
  meson dpkg-dev debian-archive-keyring ca-certificates liburing-dev libnuma-dev
  # What the tests run inside the sandbox, and look at it with.
  sqlite3 strace attr acl procps util-linux mount rsync vim patch
)
# antlr4 brings a Java of its own.
compiler_packages=(
  llvm-22-dev antlr4 libantlr4-runtime-dev libtomlplusplus-dev libprotobuf-dev protobuf-compiler libutf8proc-dev clang-format clang-tidy
  # What the tests of the manual page and of the CI files read with.
  groff-base python3-yaml
)

# npm fetches the validator of SARIF. Node's own packages bring one that Debian's would clash with.
command -v npm >/dev/null || compiler_packages+=(nodejs npm)

packages=("${helper_packages[@]}")
case "${1:-}" in
  '') packages+=("${compiler_packages[@]}") ;;
  --helper-only) ;;
  *) printf 'install-deps: unknown option %s; the only one is --helper-only\n' "$1" >&2; exit 2 ;;
esac

say() { printf 'install-deps: %s\n' "$*"; }
die() { printf 'install-deps: %s\n' "$*" >&2; exit 1; }

command -v dpkg-query >/dev/null || die "this is no Debian system; install these packages' equivalents by hand: ${packages[*]}"

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null)" = 'ii ' ] || missing+=("$package")
done

if [ "${#missing[@]}" -gt 0 ]; then
  [ "$(id -u)" = 0 ] || die "not root, and these packages are missing: ${missing[*]}; run this script as root"
  export DEBIAN_FRONTEND=noninteractive
  say "installing ${missing[*]}"
  apt-get -qq update </dev/null || die "apt-get update failed; see its message above"
  for package in "${missing[@]}"; do
    [[ $(apt-cache policy "$package") == *'Candidate: '[!\(]* ]] ||
      die "apt knows no package $package; does /etc/apt list both 'bookworm main' and 'bookworm-security main'?"
  done
  log=$(mktemp)
  trap 'rm -f -- "$log"' EXIT
  apt-get -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold \
    install "${missing[@]}" </dev/null >"$log" 2>&1 ||
    { tail -n 20 "$log" >&2; die "apt-get install failed; the last lines of its output are above"; }
fi

# fusermount3 reads it; an installed system has it, a bare image may not.
if [ "$(id -u)" = 0 ] && [ ! -e /etc/mtab ]; then ln -sf /proc/self/mounts /etc/mtab; fi

# Its failure is stated by the script itself and leaves a working build, only a slower one.
"$here/../mounthelper/libfuse/build.sh" || true
say "everything is there"
