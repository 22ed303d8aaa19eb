#!/usr/bin/env bash
# Every file that README.md and docs/ link to or name in backquotes is there.
#   usage: test_docs.sh SOURCE
set -euo pipefail
cd "$1"
bad=0
for page in README.md docs/*.md; do
  folder=$(dirname "$page")
  # Links, but for those to other sites and to headings of the same page.
  while read -r link; do
    if [ ! -e "$folder/${link%%#*}" ]; then
      echo "$page: link to $link, which is not there" >&2
      bad=1
    fi
  done < <(grep -oE '\]\([^)#]+[^)]*\)' "$page" | sed -E 's/^\]\((.*)\)$/\1/' | grep -vE '^(https?|mailto):')
  # Paths such as `src/plan.h`, `kernels/*.cl` or `docs/`; a leading build/ is made by building.
  while read -r path; do
    if ! compgen -G "$path" >/dev/null; then
      echo "$page: names $path, which is not there" >&2
      bad=1
    fi
  done < <(grep -oE '`(include|src|host|kernels|tests|bench|tools|examples|docs|cmake)/[A-Za-z0-9_./*-]*`' "$page" | tr -d '`')
done
exit $bad
