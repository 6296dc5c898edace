#!/usr/bin/env bash
# Usage: build.sh [PREFIX]
#
# Gives the helper a libfuse that has passthrough and io_uring. Where the system's own libfuse is 3.17
# or later, or PREFIX (default: .deps/libfuse beside the sources) already holds one, nothing is done.
# Otherwise Debian's own source package is fetched with apt and built as a static library.
#
# Trust: the archive's address comes from this machine's apt configuration, the release file is checked
# against the Debian archive keyring, and apt checks every source file against that release file. Where
# the installed keyring is too old to know the key of a newer suite, a newer keyring package is taken
# from the machine's own release, which the installed keyring vouches for.
#
# Nothing outside PREFIX is written. Exit status 1 means no library was made; a build with the system's
# libfuse stays possible, without passthrough and io_uring.
set -euo pipefail

readonly wanted=3.17
readonly source_wanted=3.18
readonly suites='forky sid'
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'libfuse: %s\n' "$*"; }
die() {
  printf 'libfuse: %s; the build goes on with the system libfuse, without passthrough and io_uring\n' "$*" >&2
  exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=${1:-$here/../../.deps/libfuse}
prefix=$(realpath -m -- "$prefix")

if pkg-config --atleast-version="$wanted" fuse3 2>/dev/null; then
  say "the system has $(pkg-config --modversion fuse3), nothing to build"
  exit 0
fi
if PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --exists "fuse3 >= $wanted" 2>/dev/null; then
  say "$prefix has $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --modversion fuse3), nothing to build"
  exit 0
fi
for tool in apt-get apt-cache dpkg-source dpkg-deb meson ninja pkg-config cc; do
  command -v "$tool" >/dev/null || die "'$tool' is not installed; run tests/install-deps.sh first"
done
[ -r "$keyring" ] || die "no Debian archive keyring at $keyring; install debian-archive-keyring"

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
chmod 755 "$work"
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/src"

# The URI of the entry that serves this machine's own release, main component: deb822 files, then
# one-line files. Security and updates suites have other names and are passed over.
archive_uri() {
  local codename
  codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  [ -n "$codename" ] || return 1
  {
    for file in /etc/apt/sources.list.d/*.sources; do
      if [ -r "$file" ]; then cat "$file" && printf '\n\n'; fi
    done |
      awk -v codename="$codename" '
        function flush(   i, n, s, u) {
          if (tolower(enabled) != "no" && (" " types " ") ~ / deb(-src)? / && (" " components " ") ~ / main /) {
            n = split(suites, s, " ")
            for (i = 1; i <= n; i++) if (s[i] == codename) { split(uris, u, " "); print u[1] }
          }
          types = uris = suites = components = enabled = ""; field = ""
        }
        /^#/ { next }
        /^[ \t]*$/ { flush(); next }
        /^[^ \t:]+:/ {
          field = tolower(substr($0, 1, index($0, ":") - 1)); value = substr($0, index($0, ":") + 1)
        }
        /^[ \t]/ { value = $0 }
        {
          gsub(/[ \t]+/, " ", value); sub(/^ /, "", value); sub(/ $/, "", value)
          if (field == "types") types = types " " value
          if (field == "uris") uris = uris (uris == "" ? "" : " ") value
          if (field == "suites") suites = suites " " value
          if (field == "components") components = components " " value
          if (field == "enabled") enabled = value
        }
        END { flush() }'
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true; } |
      sed -E 's/#.*//; s/^([[:space:]]*deb(-src)?[[:space:]]+)\[[^]]*\]/\1/' |
      awk -v codename="$codename" '
        $1 ~ /^deb(-src)?$/ && $3 == codename { for (i = 4; i <= NF; i++) if ($i == "main") { print $2; next } }'
  } | grep -m 1 -E '^(https?|ftp|file|mirror)[:+]' || return 1
}

uri=$(archive_uri) || die "no entry for the Debian archive in /etc/apt/sources.list or sources.list.d; add one"

# apt with its own source list, indexes and cache; proxies and the like stay as the machine has them.
apt_options=(
  -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=-
  -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache"
  -o Acquire::Languages=none -o APT::Get::AllowUnauthenticated=false
  -o Acquire::AllowInsecureRepositories=false -o APT::Sandbox::User=
)

# A release file that cannot be checked, or that the archive no longer has, makes update fail.
fetch_lists() {  # SUITE KEYRING [OPTION]
  rm -rf "$work"/lists/*
  mkdir -p "$work/lists/partial"
  printf 'deb-src [signed-by=%s%s] %s %s main\n' "$2" "${3:-}" "$uri" "$1" >"$work/sources.list"
  apt-get "${apt_options[@]}" -o APT::Update::Error-Mode=any -qq update </dev/null >"$work/update.log" 2>&1
}

# A mirror that stands still (a snapshot) serves a release file past its date. It is as well signed as on
# its last day, and the wanted version bounds how old the source can be; so the date alone is waived.
update_from() {  # SUITE KEYRING
  fetch_lists "$1" "$2" && return
  grep -q 'is expired' "$work/update.log" || return 1
  fetch_lists "$1" "$2" ' check-valid-until=no' || return 1
  say "$uri $1 is past its date, its signature is good: a mirror that stands still"
}

newest() {
  apt-cache "${apt_options[@]}" showsrc --only-source fuse3 2>/dev/null | awk '$1 == "Version:" { print $2 }' |
    sort -Vr | head -n 1
}

# A newer keyring, from the machine's own apt lists and so under the keyring that is installed.
newer_keyring() {
  (cd "$work" && apt-get -qq -o APT::Sandbox::User= download debian-archive-keyring </dev/null >/dev/null 2>&1 &&
    dpkg-deb -x debian-archive-keyring_*.deb "$work/keyring")
  [ -r "$work/keyring$keyring" ] && printf '%s' "$work/keyring$keyring"
}

version=''
for suite in $suites; do
  update_from "$suite" "$keyring" ||
    { grep -q -E 'NO_PUBKEY|EXPKEYSIG|not signed|not available' "$work/update.log" &&
      other=$(newer_keyring) && update_from "$suite" "$other"; } || continue
  found=$(newest)
  if [ -n "$found" ] && dpkg --compare-versions "$found" ge "$source_wanted"; then
    version=$found
    break
  fi
done
if [ -z "$version" ]; then
  reason=$(grep -m 1 -E '^[EW]: ' "$work/update.log" 2>/dev/null | cut -c1-200 || true)
  die "no source package fuse3 >= $source_wanted that the keyring vouches for at $uri ($suites)${reason:+: $reason}"
fi

say "building $version from $uri $suite"
(cd "$work/src" && apt-get "${apt_options[@]}" -qq --only-source source "fuse3=$version" </dev/null) \
  >"$work/source.log" 2>&1 || die "apt could not fetch the source of fuse3 $version: $(tail -n 1 "$work/source.log")"
tree=$(find "$work/src" -mindepth 1 -maxdepth 1 -type d)

# Into a staging folder first: PREFIX appears whole or not at all.
{
  meson setup "$work/build" "$tree" --prefix="$prefix" --libdir=lib --buildtype=release \
    -Dpkgconfig.relocatable=true \
    -Ddefault_library=static -Dexamples=false -Dutils=false -Dtests=false -Duseroot=false \
    -Dinitscriptdir= -Dudevrulesdir="$prefix/lib/udev/rules.d" &&
    ninja -C "$work/build" && DESTDIR="$work/stage" ninja -C "$work/build" install
} </dev/null >"$work/build.log" 2>&1 ||
  die "building fuse3 $version failed: $(grep -m 1 -i -E 'error' "$work/build.log" || tail -n 1 "$work/build.log")"

mkdir -p "$(dirname "$prefix")"
rm -rf -- "$prefix.new"
cp -a "$work/stage$prefix" "$prefix.new"
rm -rf -- "$prefix"
mv -- "$prefix.new" "$prefix"
if grep -q 'define HAVE_URING' "$work/build/fuse_config.h"; then uring='with io_uring'; else uring='without io_uring (no liburing or libnuma headers)'; fi
say "installed $(PKG_CONFIG_PATH="$prefix/lib/pkgconfig" pkg-config --modversion fuse3) in $prefix, $uring"
