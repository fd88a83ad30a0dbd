#!/bin/bash
# Installs the groups of tools/apt-packages.txt that are named as arguments, as far as they are missing.
# Changes nothing and needs no rights when everything is there; otherwise it runs apt-get, with sudo unless root.
set -euo pipefail

list="$(dirname "$0")/apt-packages.txt"

# Prints the packages of one group.
packages_of() {
  awk -v group="[$1]" '
    /^[[:space:]]*(#|$)/ { next }
    /^\[/ { inside = ($0 == group); found = found || inside; next }
    inside { print $1 }
    END { if (!found) { print "no group " group " in the list" > "/dev/stderr"; exit 1 } }' "$list"
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

wanted=()
for group in "$@"; do
  packages="$(packages_of "$group")"
  while read -r package; do wanted+=("$package"); done <<<"$packages"
done

if ! command -v dpkg-query >/dev/null; then
  echo "no dpkg on this system, nothing installed; needed are the equivalents of: ${wanted[*]}"
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  is_installed "$package" || missing+=("$package")
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo "all ${#wanted[@]} system packages are present"
  exit 0
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "these packages are missing, and there is neither root nor sudo to install them: ${missing[*]}" >&2
    exit 1
  fi
  sudo=(sudo)
fi
echo "installing: ${missing[*]}"
# An old package list names files that the mirror no longer has, so it is renewed first.
"${sudo[@]}" apt-get update -q
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
