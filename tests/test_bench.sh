#!/usr/bin/env bash
# Tests `clnorm bench` as scripts and people see it, with shapes of a few thousand elements.
# Usage: test_bench.sh CLNORM RECORD_CHECKER WRONG_LIBRARY PEERS PAGE_CHECKER CACHE
#   WRONG_LIBRARY  preloaded, it makes the CPU backend wrong; "" where a preload is not possible
#   PEERS          peers compiled in, or ""
#   CACHE          not empty if the library can keep compiled programs
# The device under test is $CLNORM_DEVICE.
set -u
clnorm=$1
checker=$2
wrong=$3
peers=$4
page_checker=$5
cache=${6-}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# How long a cold compile takes is not the question here.
export POCL_KERNEL_CACHE=1 MESA_SHADER_CACHE_DISABLE=false
# shellcheck source=tests/command_functions.sh
. "$here/command_functions.sh"

# measured LINES ARGUMENTS...: exit code 0, that many records that keep to the schema, a table.
measured() {
  local lines=$1
  shift
  "$clnorm" bench --min-time 0.005 --json records "$@" >stdout 2>stderr || fail "bench $*: $? $(cat stderr)"
  "$checker" records "$lines" ok || fail "bench $*: records"
  grep -q '^| operation .*| *median .*| *95 % interval .*| *GB/s .*| *times copy .*| *against CPU .*| *check' stdout ||
    fail "bench $*: no table"
  [ "$(grep -c '^| .* | ok' stdout)" -eq "$lines" ] || fail "bench $*: the table has not $lines rows: $(cat stdout)"
  grep -q 'Least traffic' stdout || fail "bench $*: no byte model"
  [ "$(grep -cv "$mesa" stderr)" -eq 1 ] || fail "bench $*: more than the device on stderr: $(cat stderr)"
}

# refused_after LINES PATTERN ARGUMENTS...: exit code 2, a last line on stderr that matches, nothing on stdout.
refused_after() {
  local lines=$1 pattern=$2 code
  shift 2
  "$clnorm" bench "$@" >stdout 2>stderr
  code=$?
  [ "$code" -eq 2 ] || fail "bench $*: exit code $code, expected 2"
  [ "$(wc -l <stderr)" -eq $((lines + 1)) ] || fail "bench $*: expected $lines lines and one on stderr: $(cat stderr)"
  tail -n 1 stderr | grep -Eq -- "^clnorm: .*($pattern)" || fail "bench $*: expected /$pattern/, got: $(cat stderr)"
  [ ! -s stdout ] || fail "bench $*: printed on stdout though it failed"
}

# refused PATTERN ARGUMENTS...: the same with one line.
refused() { refused_after 0 "$@"; }

if [ -n "${CLNORM_TEST_SLOW-}" ]; then
  measured 2 --shape 4,3,5,6 --pass infer,train --layout channels-first
else
  measured 8 --shape 4,3,5,6
  measured 2 --shape '16,10' --pass train,backward
  measured 6 --shape '4x3x7,16x10;2,3,4,5,6' --pass infer,train --layout channels-last
  grep -q '"shape":\[2,3,4,5,6\],"layout":"channels-last"' records || fail "the record's shape is not N,C,..."
  if [ -n "$peers" ]; then
    measured 4 --op batch --shape 4,3,5,6 --layout channels-last --peers "$peers"
    "$checker" records 4 ok "$peers" || fail "records of --peers $peers"
  fi
fi
# The family: a row for each combination, checked before it is timed.
if [ -n "${CLNORM_TEST_SLOW-}" ]; then
  measured 1 --op layer --dtype bf16 --activation relu --residual yes --shape 4,6 --pass train
else
  measured 24 --op batch,layer,instance,group,rms --groups 2 --shape 3,4,5
  for row in 'train layer 3x4x5 ' 'backward rms 3x4x5 ' 'infer instance 3x4x5 first ' 'train group(2) 3x4x5 last ' \
             'infer 3x4x5 last '; do
    grep -qF "| $row" stdout || fail "there is no row '$row': $(cat stdout)"
  done
  grep -q 'infer layer' stdout && fail "layer has no infer of its own, yet it was measured without being asked for"
  grep -q '; batch, layer, instance, group and rms normalization; f32; ' stdout || fail "the heading: $(cat stdout)"
  grep -q '"op":"rms",.*"axis":1,' records || fail "no axis of rms: $(cat records)"
  grep -q '"op":"group",.*"groups":2,' records || fail "no groups of group: $(cat records)"
  measured 8 --dtype f16,f32 --activation none,elu:0.5 --residual no,yes --shape 4,6 --pass train
  grep -q '^| train 4x6 f16 elu:0.5 residual ' stdout || fail "a row's name: $(cat stdout)"
  grep -q '"dtype":"f16","activation":"elu:0.5","residual":true' records || fail "a row's keys: $(cat records)"
  measured 2 --op layer --axis 2 --dtype bf16 --activation relu --residual yes --shape 2,3,8 --pass backward,infer
  grep -q '^| backward layer(2) 2x3x8 bf16 relu residual ' stdout || fail "an axis in a row's name: $(cat stdout)"
  if [ -n "$peers" ]; then
    measured 2 --op layer --shape 4,6,5 --peers "$peers"
    "$checker" records 2 ok "$peers" || fail "records of layer with --peers $peers"
    measured 1 --op group --groups 3 --shape 4,6,5 --pass train --layout channels-last --peers "$peers"
    grep -q "$peers: unsupported: .* has no group normalization" stdout || fail "a peer without group: $(cat stdout)"
  fi
fi
# Frozen statistics, where there are no running ones: a reason, no failure.
"$clnorm" bench --op layer --shape 4,6 --pass backward-frozen --json records >stdout 2>stderr || fail "frozen layer: $?"
"$checker" records 1 unsupported || fail "frozen layer: $(cat records)"
"$clnorm" bench --op instance --shape 4,6 --pass train --json records >stdout 2>stderr || fail "instance of (N, C): $?"
"$checker" records 1 unsupported || fail "instance of (N, C): $(cat records)"
grep -q '^train instance 4x6: unsupported: .*TOO_FEW_VALUES' stdout || fail "instance of (N, C): $(cat stdout)"
# The cache of compiled programs: cold and cached apart, in the record and under the table.
if [ "$CLNORM_DEVICE" = cpu ]; then
  grep -q '"first_use_s":null' records || fail "the CPU backend loads programs from a cache"
elif [ -n "$cache" ]; then
  grep -q '"first_use_s":null' records || fail "there is a time of a cache that is off"
  for turn in 1 2; do
    CLNORM_CACHE_DIR=$work/programs measured 2 --shape 4,3,5,6 --pass infer,train --layout channels-first
    [ "$(grep -Ec '"first_use_s":\{"compiled":[0-9.]*[1-9][0-9.e-]*,"cached":[0-9.]*[1-9][0-9.e-]*\}' records)" -eq 2 ] ||
      fail "turn $turn: no times with and without the cache: $(cat records)"
    [ "$(sed -n '/^First use in a new process/,/^$/p' stdout | grep -c '^- .*: .*s; .*s$')" -eq 2 ] ||
      fail "turn $turn: first use is not under the table: $(cat stdout)"
  done
fi
if [ "$CLNORM_DEVICE" = cpu ]; then
  measured 1 --backend cpu --pass train --shape 64,10
fi

# Images in the IDX format: 5 of 4x3, of 8 bits. Two shapes more, and all of x comes from them.
mkdir images
{
  printf '\0\0\010\003\0\0\0\005\0\0\0\004\0\0\0\003'
  printf '%s' 'some sixty bytes that stand for five small pictures of 4x3.....'
} | head -c 76 >images/train-images-idx3-ubyte
measured 1 --data images --pass train --shape 6,2,7 --layout channels-first
grep -q '5 images of 4x3' stdout || fail "the table does not name the images"

refused "'fast' is unknown" --suite fast
refused "exclude each other" --suite quick --shape 4,3
refused "'lawyer' is unknown; expected batch, layer" --op lawyer
refused "'layer' twice" --op layer,rms,layer
refused "needs --groups" --op group --shape 4,6
refused "is for --op group" --groups 3 --shape 4,6
refused "is for --op layer and rms" --op batch --axis 1 --shape 4,6
refused "axis '8' is out" --op layer --axis 8 --shape 4,6
refused "layer.* 4x6: .*axis" --op layer --axis 2 --shape 4,6
refused "group.4. 4x6: .*groups" --op group --groups 4 --shape 4,6
refused "'f8' is unknown; expected f32, f16" --dtype f32,f8
refused "'f16' twice" --dtype f16,f16
refused "'swish' is unknown; expected none, relu" --activation swish
refused "parameter 'x' is no number" --activation elu:x
refused "takes none" --activation relu:1
refused "'elu' twice" --activation elu,elu:1
refused "'maybe' is unknown; expected no or yes" --residual maybe
refused "'yes' twice" --residual yes,yes
refused "axes and groups of its own" --suite family --op group --groups 2
refused "no row of that kind" --suite family --op rms --dtype f64
refused "'forward' is unknown" --pass forward
refused "twice" --pass train,train
refused "'nchw' is unknown" --layout nchw
refused "'1e9' is no whole number" --shape 1e9,3
refused "dimension '0' is out" --shape 0,3
refused "dimension '' is empty" --shape 4,3,
refused "1 dimension" --shape 4
refused "more than 5" --shape 1,2,3,4,5,6
refused "overflow" --shape 4294967295,4294967295,4
refused "out of its range" --min-time 1e99
refused "out of its range" --min-time -1
refused "is empty" --min-time ''
refused "this build has" --peers nobody
refused "'gpu' is unknown" --backend gpu
refused "--json is empty" --json ''
refused "no train-images" --data . --shape 4,3
refused "old.json: cannot be opened" --compare old.json
refused "\\.: cannot be read" --compare .
echo '{"schema":1}' >foreign.json
refused "foreign.json: line 1: is no record" --compare foreign.json --json kept --html kept.html
[ ! -e kept ] && [ ! -e kept.html ] || fail "a refused comparison wrote files"
refused "needs --compare" --fail-on-slower 5
refused "out of its range" --compare records --fail-on-slower -1
refused "is no number" --compare records --fail-on-slower 5%
refused "--html is empty" --html ''
refused "no such file|No such file" --html missing/report.html
refused "no regular file" --html /dev/null
refused "same file" --html same --json same
refused "same file" --html ./same --json same
refused "same file" --html "$work/images/../same" --json same
[ ! -e same ] || fail "a refused name was written"
cp records kept
ln kept hard
ln -s kept soft
for name in ./kept hard soft; do
  refused "json and --html name the same file" --json kept --html "$name"
  refused "json and --html name the same file" --json "$name" --html kept
  refused "compare and --html name the same file" --compare kept --html "$name"
done
refused "compare and --html name the same file" --compare kept --html kept
cmp -s records kept || fail "a refused name was written over"
rm kept hard soft
# What the device has to be known for, so after the line that names it.
refused_after 1 'unknown variant in "foo"' --choice foo --shape 4,3 --json kept --html kept.html
refused_after 1 "a value that is not allowed" --choice 'rows_split tasks_per_unit=3' --shape 4,3 --json kept
refused_after 1 "unknown parameter" --choice patience=3 --calls --json kept
[ ! -e kept ] && [ ! -e kept.html ] || fail "a refused choice wrote files"
refused "--suite and --calls exclude" --calls --suite full
refused "unexpected argument" now
refused "given twice" --suite quick --suite full

# The page of a run: well-formed, whole, with its plots; nothing beside it in the folder.
page() {
  local plots=$1 text
  shift
  mkdir -p pages
  rm -f pages/*
  "$clnorm" bench --min-time 0.005 --html pages/report.html "$@" >stdout 2>stderr || fail "bench $*: $? $(cat stderr)"
  "$page_checker" pages/report.html "$plots" || fail "bench $*: the page"
  [ "$(ls pages)" = report.html ] || fail "bench $*: files beside the page: $(ls pages)"
  if command -v xmllint >/dev/null; then
    xmllint --noout pages/report.html || fail "bench $*: xmllint refuses the page"
  fi
  for text in 'Bandwidth against size|Time of a call' 'clnorm bench --min-time' 'How to read it' 'prefers-color-scheme'; do
    grep -Eq -- "$text" pages/report.html || fail "bench $*: the page lacks $text"
  done
}
pass=(--pass train --layout channels-first)
page 2 "${pass[@]}" --shape '4x3x5x6,8x3x5x6'
measured 1 "${pass[@]}" --shape 4,3,5,6
cp records old.jsonl

# A run compared with itself, and with runs that were far slower and faster, in seconds and in copies.
compared() { # EXIT VERDICT OLD ARGUMENTS...
  local expected=$1 verdict=$2 old=$3 code
  shift 3
  "$clnorm" bench --min-time 0.005 --compare "$old" "${pass[@]}" --shape 4,3,5,6 "$@" >stdout 2>stderr
  code=$?
  [ "$code" -eq "$expected" ] || fail "--compare $old $*: exit code $code, expected $expected: $(cat stderr)"
  grep -Eq "^\\| train 4x3x5x6 first .*\\| $verdict *\\|$" stdout || fail "--compare $old $*: not $verdict: $(cat stdout)"
}
# scaled FACTOR: the old record with all of its times multiplied.
scaled() {
  awk -v f="$1" '{
    n = split($0, part, "\"median_s\":|\"ci95_s\":\\[|,\"copy_s\"")
    split(part[3], ends, "[],]")
    printf "%s\"median_s\":%.9g,\"ci95_s\":[%.9g,%.9g],\"copy_s\"%s\n", part[1], part[2] * f, ends[1] * f, ends[2] * f, part[4]
  }' old.jsonl
}
scaled 10000 >slow.jsonl
scaled 0.0001 >fast.jsonl
compared 0 FASTER slow.jsonl --fail-on-slower 0
compared 0 SLOWER fast.jsonl
compared 1 SLOWER fast.jsonl --fail-on-slower 50
[ "$(grep -c '^clnorm: bench: 1 of 1 rows are SLOWER' stderr)" -eq 1 ] || fail "--fail-on-slower: $(cat stderr)"
compared 0 SLOWER fast.jsonl --fail-on-slower 100000000
compared 0 '(SAME|UNSURE|FASTER|SLOWER)' old.jsonl --html compared.html
grep -q 'Against old.jsonl: ' stdout || fail "--compare: no sum"
"$page_checker" compared.html 3 || fail "the page of a comparison"
cp old.jsonl 'a<b>&"c.jsonl'
compared 0 '(SAME|UNSURE|FASTER|SLOWER)' 'a<b>&"c.jsonl' --html compared.html
"$page_checker" compared.html 3 || fail "the page of a file with a strange name"
sed 's/\[4,3,5,6\]/[4,3,5,7]/' old.jsonl >other.jsonl
compared 0 'no such row then' other.jsonl --fail-on-slower 0
grep -q '^- not measured now: train 4x3x5x7' stdout || fail "--compare: the old row is not named"
cp old.jsonl both.jsonl
compared 0 '(SAME|UNSURE|FASTER|SLOWER)' both.jsonl --json both.jsonl
"$checker" both.jsonl 1 ok || fail "--json of the file that was compared with"

# More memory than there is: unsupported, with the reason, and no failure.
"$clnorm" bench --shape 4294967295,1024 --pass infer --json records --html huge.html >stdout 2>stderr ||
  fail "a huge shape: $? $(cat stderr)"
"$checker" records 1 unsupported || fail "a huge shape: records"
grep -q "unsupported: its tensors take .* GB of the host's memory" stdout || fail "a huge shape: no reason: $(cat stdout)"
"$page_checker" huge.html 0 || fail "a huge shape: the page"

# Rows of another kind are other rows.
"$clnorm" bench --min-time 0.005 --compare old.jsonl "${pass[@]}" --op layer,instance --shape 4,3,5,6 --html kinds.html \
  >stdout 2>stderr || fail "--compare with other kinds: $? $(cat stderr)"
[ "$(grep -c '^| train .* | no such row then |$' stdout)" -eq 2 ] || fail "--compare with other kinds: $(cat stdout)"
"$page_checker" kinds.html 2 || fail "the page of two kinds"
grep -q '<h1>Normalization, measured' kinds.html && grep -q 'train instance 4x3x5x6 first' kinds.html ||
  fail "the page does not name the kinds"

# Calls of small tensors.
"$clnorm" bench --calls --min-time 0.005 --json calls --shape 2,3,4 "${pass[@]}" >stdout 2>stderr ||
  fail "--calls: $? $(cat stderr)"
"$checker" calls 1 calls || fail "--calls: records"
grep -q '^| operation .*| *calls/s .*| *launches .*| *own work ' stdout || fail "--calls: no table"
page 1 --calls --shape 2,3,4 "${pass[@]}"

if [ -n "$wrong" ] && [ "$CLNORM_DEVICE" = cpu ]; then
  LD_PRELOAD=$wrong "$clnorm" bench --shape 4,3,5,6 --json records >stdout 2>stderr
  code=$?
  [ "$code" -eq 1 ] || fail "wrong results: exit code $code, expected 1"
  "$checker" records 8 wrong || fail "wrong results: records"
  grep -Eq '^\| .* [0-9.]+ (s|ms|us|ns) ' stdout && fail "wrong results have a speed: $(cat stdout)"
  grep -q 'WRONG' stdout || fail "wrong results: the table does not say so"
fi

[ "$failures" -eq 0 ] && echo "all is well on $CLNORM_DEVICE"
[ "$failures" -eq 0 ]
