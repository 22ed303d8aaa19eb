#!/usr/bin/env bash
# Tests `clnorm tune`, and that bench and devices tell of what it wrote, with shapes of a few thousand elements.
# Usage: test_tune.sh CLNORM TUNED_FILE WRONG_LIBRARY
#   TUNED_FILE     writes a database with one choice
#   WRONG_LIBRARY  preloaded, it makes the CPU backend wrong; "" where a preload is not possible
# The device under test is $CLNORM_DEVICE.
set -u
clnorm=$1
tuned_file=$2
wrong=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export POCL_KERNEL_CACHE=1 CLNORM_TUNING_DB=$work/db HOME=$work/home
unset XDG_CONFIG_HOME
# shellcheck source=tests/command_functions.sh
. "$here/command_functions.sh"

# refused CODE PATTERN ARGUMENTS...: that exit code, a line on stderr that matches.
refused() {
  local expected=$1 pattern=$2 code
  shift 2
  "$clnorm" tune "$@" >stdout 2>stderr
  code=$?
  [ "$code" -eq "$expected" ] || fail "tune $*: exit code $code, expected $expected: $(cat stderr)"
  grep -Eq -- "^clnorm: .*($pattern)" stderr || fail "tune $*: expected /$pattern/, got: $(cat stderr)"
}

# cannot PATTERN ARGUMENTS...: refused for that before anything is searched, after the line that names the device.
cannot() {
  refused 2 "$@" --time 1 --shape 40,30,70 --pass infer
  [ ! -s stdout ] || fail "tune $*: searched though it cannot write: $(cat stdout)"
  [ "$(wc -l <stderr)" -eq 2 ] || fail "tune $*: expected two lines on stderr: $(cat stderr)"
}

# who PATTERN SHAPE PASS [ARGUMENTS...]: what bench says who chose.
who() {
  local pattern=$1
  "$clnorm" bench --min-time 0.005 --layout channels-first --shape "$2" --pass "$3" --json records "${@:4}" >stdout 2>stderr ||
    fail "bench $*: $(cat stderr)"
  grep -Eq "\"tuning\":\"$pattern\"" records || fail "bench $*: not $pattern: $(cat records)"
}

# ---- round trip: a file, and who says that it was used
who built-in 40,3,7 train
grep -q 'Variants and parameters: built-in\.' stdout || fail "bench does not say built-in: $(cat stdout)"
file=$("$tuned_file" 40 3 7 1 'rows_split') || fail "tuned_file"
[ "$(dirname "$file")" = "$work/db" ] || fail "the file is $file"
who tuned 40,3,7 train
grep -q '"variant":"rows_split"' records || fail "the tuned variant was not taken: $(cat records)"
grep -q '"check":"ok"' records || fail "the tuned variant is not exact: $(cat records)"
grep -q 'Variants and parameters: tuned for train 40x3x7 channels-first; else built-in' stdout || fail "$(cat stdout)"
who built-in 40,3,8 train
who built-in 40,3,7 backward
who built-in 40,3,7 train --choice built-in
who forced 40,3,7 train --choice 'rows_whole min_tile=4096'
who '' 40,3,7 train --choice columns_whole
grep -q 'Variants and parameters' stdout && fail "bench tells who chose where there is no plan: $(cat stdout)"
grep -q 'unsupported' stdout || fail "a variant of the other walk is not unsupported: $(cat stdout)"
CLNORM_TUNING_DB=off who built-in 40,3,7 train
"$clnorm" devices >stdout || fail "devices"
grep -q "tuning: 1 choices from $file" stdout || fail "devices does not tell of the file: $(cat stdout)"
"$clnorm" devices --json >stdout || fail "devices --json"
grep -q '"choices":1,"problem":""' stdout || fail "devices --json: $(cat stdout)"

# ---- a search keeps what it does not measure, and writes a file that is read again
"$clnorm" tune --time 1 --shape 16,10 --pass train >stdout 2>stderr || fail "tune: $(cat stderr)"
grep -q '^| train 16x10 ' stdout || fail "tune prints no row: $(cat stdout)"
grep -Eq '^[12] choices in ' stdout || fail "tune: $(cat stdout)"
[ "$(wc -l <stderr)" -eq 1 ] || fail "tune: more than the device on stderr: $(cat stderr)"
who tuned 40,3,7 train
[ "$(find db -type f | wc -l)" -eq 1 ] || fail "files: $(find db)"

# ---- a damaged file: built-in, and devices says why
cp "$file" kept
sed -i 's/rows_split/rows_splat/' "$file"
who built-in 40,3,7 train
"$clnorm" devices >stdout || fail "devices"
grep -q "tuning: $file is not used: line 6: unknown variant" stdout || fail "devices does not tell why: $(cat stdout)"
"$clnorm" tune --time 0 --shape 16,10 --pass infer >stdout 2>stderr || fail "tune over a damaged file"
grep -q "begins anew: line 6" stderr || fail "tune does not say that it begins anew: $(cat stderr)"
"$clnorm" devices | grep -q 'is not used' && fail "tune left a damaged file"

# ---- nothing is written by a dry run, and by a search that is broken off
cp kept "$file"
"$clnorm" tune --dry-run --time 0.2 --shape 40,3,7 --layout channels-first --pass train >stdout 2>stderr || fail "dry run"
cmp -s kept "$file" || fail "a dry run wrote"
"$clnorm" tune --time 100 --shape 40,30,70 --pass train >stdout 2>stderr &
tune=$!
sleep 1
kill -TERM "$tune"
wait "$tune" 2>/dev/null
cmp -s kept "$file" || fail "a search that was broken off changed the file"
[ "$(find db -type f | wc -l)" -eq 1 ] || fail "a search that was broken off left $(find db)"
rm "$file"
"$clnorm" tune --dry-run --time 0 --shape 16,10 --pass infer --db other >stdout 2>stderr || fail "dry run into a new folder"
[ -e other ] && fail "a dry run made a folder"
[ -e home/.config ] && fail "something was written to the home folder"

# ---- what cannot be
touch blocked
cannot 'cannot be written: Not a directory' --db blocked
cannot 'cannot be written: Not a directory' --db ./blocked/deeper
mkdir "$file"
cannot 'cannot be written: Is a directory'
rmdir "$file"
mkfifo "$file"
cannot 'is there and no regular file'
rm "$file"
cannot 'cannot be written: File name too long' --db "new/deeper/$(printf '%0300d' 0)"
[ -e new ] && fail "a refused folder was left"
[ -z "$(ls db)" ] || fail "something was left: $(ls db)"
"$clnorm" tune --time 0 --shape 16,10 --pass infer --db new//deeper/ >stdout 2>stderr || fail "a new folder: $(cat stderr)"
[ "$(ls new/deeper | wc -l)" -eq 1 ] || fail "a new folder: $(find new)"
"$clnorm" tune --help >stdout || fail "--help"
grep -q 'sizes' stdout || fail "--help does not name all suites"
refused 2 "'off' is no folder" --db off
refused 2 "'' is no folder" --db ''
refused 2 "out of its range" --time -1
refused 2 "is unknown" --pass forward
refused 2 "is unknown" --suite fast
refused 2 "fits no device" --device nosuchdevice
refused 2 "unexpected argument" now
CLNORM_TUNING_DB=off refused 2 'no folder' --time 0 --shape 16,10

if [ -n "$wrong" ] && [ "$CLNORM_DEVICE" = cpu ]; then
  LD_PRELOAD=$wrong "$clnorm" tune --time 1 --shape 40,3,7 --pass train >stdout 2>stderr
  code=$?
  [ "$code" -eq 1 ] || fail "wrong results: exit code $code, expected 1"
  grep -q '| WRONG |' stdout || fail "wrong results: the table does not say so: $(cat stdout)"
  grep -q '^0 choices' stdout || fail "wrong results: a choice was kept: $(cat stdout)"
fi

[ "$failures" -eq 0 ] && echo "all is well on $CLNORM_DEVICE"
[ "$failures" -eq 0 ]
