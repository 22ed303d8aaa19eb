#!/usr/bin/env bash
# All experiments once, quick and with one seed, on the device that $CLNORM_DEVICE names: what they leave behind, and that the
# documentation takes it over.
#   usage: test_experiments_all.sh PROGRAM SOURCE
set -uo pipefail
program=$1
source=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# shellcheck source=tests/command_functions.sh
. "$here/command_functions.sh"

"$program" run all --quick --seeds 1 --out out >printed 2>stderr || fail "run all: exit code $?: $(cat stderr)"
grep -v '^device ' stderr | grep -v 'no gnuplot was found' && fail "run all: the lines above on stderr"
names=$("$program" list | cut -d ' ' -f 1)
[ "$(wc -w <<<"$names")" -eq 19 ] || fail "list has $(wc -w <<<"$names") experiments"
for name in $names; do
  head -1 "out/$name.csv" | grep -qx 'panel,series,seed,x,y' || fail "$name.csv begins with $(head -1 "out/$name.csv")"
  [ "$(wc -l <"out/$name.csv")" -gt 2 ] || fail "$name.csv has no numbers"
  # All but the last field: panel, series, seed and x name a number.
  twice=$(grep -v '(sorted)' "out/$name.csv" | sed 's/,[^,]*$//' | sort | uniq -d | head -1)
  [ -z "$twice" ] || fail "$name.csv has two numbers of $twice"
  if command -v gnuplot >/dev/null; then
    tail -2 "out/$name.svg" | grep -q '</svg>' || fail "$name.svg has no end"
    # A curve or a bar in some panel: gnuplot names each plot.
    grep -q "id=\"${name}_plot_" "out/$name.svg" || fail "$name.svg shows nothing"
    grep -q "id=\"$name-gnuplot_canvas\"" out/index.html || fail "the page has no picture of $name"
  fi
  grep -q "<section id=$name>" out/index.html || fail "the page has no $name"
  grep -q "^$name (" printed || fail "nothing is printed about $name"
  grep -qx "<!-- begin $name -->" out/results.md || fail "results.md has no $name"
done
[ "$(grep -c '  verdict: ' printed)" -eq 15 ] || fail "$(grep -c '  verdict: ' printed) verdicts for 15 claims"
[ "$(tail -1 out/index.html)" = '</html>' ] || fail "the page ends with $(tail -1 out/index.html)"
[ "$(grep -o '<section' out/index.html | wc -l)" -eq "$(grep -o '</section>' out/index.html | wc -l)" ] || fail "sections are left open"
[ "$(grep -o '<table' out/index.html | wc -l)" -eq "$(grep -o '</table>' out/index.html | wc -l)" ] || fail "tables are left open"
twice=$(grep -oE " id=[\"']?[A-Za-z0-9_-]+" out/index.html | tr -d "\"'" | sort | uniq -d)
[ -z "$twice" ] || fail "names given twice on the page: $twice"

# The documentation has a block and a picture of each, and takes over a new run: all of the blocks, nothing else.
mkdir -p tree/examples/experiments
cp -r "$source/docs" tree/
cp "$source/examples/experiments/update_docs.sh" tree/examples/experiments/
for name in $names; do
  [ -s "tree/docs/experiments/$name.svg" ] || fail "docs/experiments has no $name.svg"
  [ -e "out/$name.svg" ] || touch "out/$name.svg" # without gnuplot
done
bash tree/examples/experiments/update_docs.sh out || fail "update_docs.sh"
outside='/^<!-- begin/ { print; inside = 1 } /^<!-- end/ { inside = 0 } !inside'
cmp <(awk "$outside" "$source/docs/experiments.md") <(awk "$outside" tree/docs/experiments.md) || fail "update_docs.sh changed sentences"
inside='/^<!-- begin/ { inside = 1 } inside; /^<!-- end/ { inside = 0 }'
cmp <(sed 's,](experiments/,](,' tree/docs/experiments.md | awk "$inside") <(awk "$inside" out/results.md) || fail "update_docs.sh left blocks"
for name in $names; do
  cmp "out/$name.svg" "tree/docs/experiments/$name.svg" || fail "update_docs.sh left the picture of $name"
done
sed -i '/begin gan/,/end gan/d' out/results.md
if bash tree/examples/experiments/update_docs.sh out 2>stderr; then
  fail "update_docs.sh took a run without gan"
fi
grep -q 'no results of gan' stderr || fail "update_docs.sh: $(cat stderr)"

[ "$failures" -eq 0 ] || echo "$failures failures"
exit $((failures > 0))
