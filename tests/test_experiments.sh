#!/usr/bin/env bash
# The command clnorm-experiments: what it lists, refuses, writes and repeats; on the device that $CLNORM_DEVICE names.
#   usage: test_experiments.sh PROGRAM FOLDER_OF_MNIST (may be empty)
set -uo pipefail
program=$1
mnist=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# shellcheck source=tests/command_functions.sh
. "$here/command_functions.sh"

# refused CODE PATTERN ARGUMENTS...: that exit code, nothing on stdout, one line on stderr that matches; no folder `no` is made.
refused() {
  local code=$1 pattern=$2 got
  shift 2
  "$program" "$@" >stdout 2>stderr
  got=$?
  [ "$got" -eq "$code" ] || fail "$*: exit code $got, expected $code: $(cat stderr)"
  [ "$(grep -vc '^device ' stderr)" -eq 1 ] || fail "$*: expected one line on stderr, got: $(cat stderr)"
  grep -Eq -- "^clnorm-experiments: .*($pattern)" stderr || fail "$*: expected /$pattern/, got: $(cat stderr)"
  [ ! -s stdout ] || fail "$*: printed on stdout though it failed"
  [ ! -e no ] || fail "$*: made its folder though it failed"
}

# ---- list and help -------------------------------------------------------------------------------------------------
"$program" list >listed || fail "list"
for claim in $(seq 14); do
  grep -Eq "claim $claim " listed || fail "list has no experiment for claim $claim"
done
for network in mlp adam cnn gan; do
  grep -Eq "^$network +network " listed || fail "list has no $network"
done
for help in --help "run --help" "list --help"; do
  # shellcheck disable=SC2086  # two words
  "$program" $help >help || fail "$help"
  grep -q 'Usage: clnorm-experiments' help || fail "$help prints no usage"
done
"$program" --version | grep -Eq '^clnorm [0-9.]+$' || fail "--version"

# ---- bad usage -------------------------------------------------------------------------------------------------------
refused 2 'expected a command'
refused 2 "unknown command 'go'" go
refused 2 'takes no arguments' list all
refused 2 'expected the name of an experiment' run
refused 2 "no experiment 'nothing'" run nothing --out no
refused 2 "unexpected argument 'rates'" run circles rates --out no
refused 2 'unknown option' run circles --frobnicate --out no
refused 2 "seeds '0'" run circles --seeds 0 --out no
refused 2 "seeds '201'" run circles --seeds 201 --out no
refused 2 "seeds 'many'" run circles --seeds many --out no
refused 2 'given twice' run circles --quick --quick --out no
refused 2 'data is empty' run circles --data '' --out no
refused 2 'out is empty' run circles --out ''
refused 2 'fits no device' run circles --device 'no such device' --out no
refused 2 'need an OpenCL device' run circles --device cpu --out no

# ---- bad data and folders --------------------------------------------------------------------------------------------
refused 2 'No such file' run circles --data nowhere --out no
touch plain
refused 2 'is no folder' run circles --data plain --out no
mkdir empty bad
refused 2 'none of train-images' run circles --data empty --out no
printf '1,2,3\n' >bad/digits.csv
refused 2 'digits.csv: line 1: expected 65 values, got 3' run circles --data bad --out no
# row VALUE LABEL: a line of digits.csv, whose second value is VALUE.
row() {
  printf '0,%s' "$1"
  printf ',0%.0s' $(seq 62)
  echo ",$2"
}
for i in $(seq 9); do row 3 $((i % 2)); done >bad/digits.csv
refused 2 '9 samples in digits.csv; the experiments need 500' run circles --data bad --out no
for value in 1e30 -5 255; do
  { row 3 0 && row $value 1; } >bad/digits.csv
  refused 2 'digits.csv: line 2: value 2 is .*; expected 0 to 16' run circles --data bad --out no
done
{ row 3 4 && row 4 4; } >bad/digits.csv
refused 2 'digits.csv: every label is 4; expected two classes or more' run circles --data bad --out no
rm bad/digits.csv
ln -s nowhere bad/digits.csv.gz
refused 2 'digits.csv.gz: cannot be opened' run circles --data bad --out no
rm bad/digits.csv.gz
wine=14.23,1.71,2.43,15.6,127,2.8,3.06,0.28,2.29,5.64,1.04,3.92,1065
printf '%s,0\n%s,1\n' $wine $wine >bad/wine.csv
refused 2 'wine.csv: line 1: expected the number of wines, 13' run circles --data bad --out no
printf '178,13,a,b,c\n%s,0\n%s,1\n' $wine $wine >bad/wine.csv
refused 2 'wine.csv: line 1: tells of 178 wines with 13 measurements; the file has 2' run circles --data bad --out no
rm bad/wine.csv
printf '\0\0\10\1\0\0\0\0' >bad/t10k-labels-idx1-ubyte
refused 2 "has some of MNIST's files, but no train-images-idx3-ubyte" run circles --data bad --out no
touch bad/train-images-idx3-ubyte bad/train-labels-idx1-ubyte bad/t10k-images-idx3-ubyte
printf '\0\0\15\3\0\0\0\1\0\0\0\1\0\0\0\1\177\300\0\0' >bad/train-images-idx3-ubyte
refused 2 'train-images-idx3-ubyte: begins with 00 00 0d; expected an IDX file of bytes' run circles --data bad --out no
rm bad/train-images-idx3-ubyte bad/train-labels-idx1-ubyte
printf '\0\0\10\3\0\0' | gzip >bad/train-images-idx3-ubyte.gz
printf '\0\0\10\1\0\0\0\0' | gzip >bad/train-labels-idx1-ubyte.gz
refused 2 'train-images-idx3-ubyte.gz: byte 6 .unpacked.: the file is truncated' run circles --data bad --out no
refused 2 'is no folder' run circles --quick --seeds 1 --out plain
refused 2 'cannot be made' run circles --quick --seeds 1 --out nowhere/no
# What cannot be written is said before the training, for root too: /proc takes no file, and a folder is in a file's place.
refused 2 'out /proc: circles.csv cannot be written' run circles --quick --seeds 1 --out /proc
mkdir -p taken/circles.svg other/index.html
refused 2 'out taken: circles.svg cannot be written: Is a directory' run circles --quick --seeds 1 --out taken
refused 2 'out other: index.html cannot be written: Is a directory' run all --quick --seeds 1 --out other
[ "$(ls taken other | tr '\n' ' ')" = 'other: index.html  taken: circles.svg ' ] || fail "left behind: $(ls taken other)"

# ---- a run -------------------------------------------------------------------------------------------------------------
"$program" run circles --quick --seeds 2 --out one >first 2>stderr || fail "run circles: $(cat stderr)"
grep -v '^device ' stderr | grep -v 'no gnuplot was found' && fail "run circles: the lines above on stderr"
grep -q 'claim 1' first && grep -q 'data: synthetic' first && grep -q 'verdict: ' first || fail "run circles prints $(cat first)"
grep -q 'have 12 and 8 parameters, 6 and 4 of them trained' first || fail "2-3-2-1 has other parameters: $(cat first)"
# Two panels, two series, two seeds, each epoch.
[ "$(grep -c '^"2-' one/circles.csv)" -eq 240 ] || fail "circles.csv has $(grep -c '^"2-' one/circles.csv) points"
if command -v gnuplot >/dev/null; then
  grep -q '</svg>' one/circles.svg || fail "no picture"
fi
"$program" run circles --quick --seeds 2 --out two >second 2>stderr || fail "the second run circles: $(cat stderr)"
cmp one/circles.csv two/circles.csv || fail "the same seeds gave other numbers"
cmp one/circles.gnuplot two/circles.gnuplot || fail "the same seeds gave another picture"
# Whichever seeds come after it, seed 1 stays the same.
"$program" run circles --quick --seeds 1 --out three >third 2>stderr || fail "run circles with one seed: $(cat stderr)"
cmp <(grep -E '^"2-[^,]*,"[^"]*",1,' one/circles.csv) <(grep -E '^"2-[^,]*,"[^"]*",1,' three/circles.csv) || fail "seed 1 differs"

mkdir path
ln -s "$(command -v env)" path/env
PATH=$work/path "$program" run circles --quick --seeds 1 --out four >fourth 2>stderr || fail "without gnuplot: $(cat stderr)"
[ "$(grep -c 'no gnuplot was found' stderr)" -eq 1 ] || fail "nobody says that gnuplot is missing: $(cat stderr)"
[ ! -e four/circles.svg ] && [ -s four/circles.csv ] || fail "without gnuplot: $(ls four)"

# ---- real digits -------------------------------------------------------------------------------------------------------
if [ "$mnist" ]; then
  "$program" run mlp --seeds 1 --data "$mnist" --out digits >digits.txt 2>stderr || fail "run mlp: $(cat stderr)"
  grep -q 'data: MNIST' digits.txt || fail "real digits are not called so: $(cat digits.txt)"
  right=$(awk -F, '$2 == "\"with BN\"" && $1 == "\"held-out digits\"" { last = $5 } END { print last }' digits/mlp.csv)
  awk -v right="$right" 'BEGIN { exit !(right >= 94 && right <= 100) }' || fail "$right % of the held-out digits are right"
fi

[ "$failures" -eq 0 ] || echo "$failures failures"
exit $((failures > 0))
