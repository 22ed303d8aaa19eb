#!/usr/bin/env bash
# Puts the results of a run into docs/experiments.md: its generated blocks and its pictures. The sentences between the blocks
# are written by hand, and are to be read again after this.
#   usage: update_docs.sh FOLDER (that `clnorm-experiments run all --out FOLDER` has filled)
set -euo pipefail
out=$1
docs=$(cd "$(dirname "$0")/../../docs" && pwd)
page=$docs/experiments.md
new=$(mktemp)
trap 'rm -f "$new"' EXIT
awk '
  FNR == 1 { file++ }
  /^<!-- begin [a-z]+ -->$/ {
    name = $3
    if (file == 1) { has[name] = 1; next }
    if (!(name in has)) { print "update_docs.sh: no results of " name > "/dev/stderr"; failed = 1 }
    used[name] = 1
    print
    printf "%s", text[name]
    inside = 1
    next
  }
  /^<!-- end [a-z]+ -->$/ { inside = 0; if (file == 1) name = ""; else print; next }
  file == 1 { if (name != "") { sub(/\]\([a-z]+\.svg\)$/, "](experiments/" name ".svg)"); text[name] = text[name] $0 "\n" }; next }
  !inside { print }
  END {
    for (name in has) if (!(name in used)) { print "update_docs.sh: the page has no block " name > "/dev/stderr"; failed = 1 }
    exit failed
  }' "$out/results.md" "$page" >"$new"
grep -oE '\]\([a-z]+\.svg\)$' "$out/results.md" | tr -d '[]()' | while read -r picture; do
  cp "$out/$picture" "$docs/experiments/$picture"
done
cat "$new" >"$page"
