#!/usr/bin/env bash
# Tests `clnorm check` of the whole family as scripts see it: what is run, what the records hold, and that wrong results and
# missing types are no pass.
# Usage: test_check.sh CLNORM WRONG_LIBRARY
#   WRONG_LIBRARY  preloaded, it makes the CPU backend wrong; "" where a preload is not possible
# The device under test is $CLNORM_DEVICE.
set -u
clnorm=$1
wrong=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# shellcheck source=tests/command_functions.sh
. "$here/command_functions.sh"

# records PATTERN...: how many records have all of them.
records() {
  local found pattern
  found=$(cat records.json)
  for pattern in "$@"; do
    found=$(grep -F -- "$pattern" <<<"$found")
  done
  grep -c . <<<"$found"
}

# expect_some PATTERN...: a record that has all of them.
expect_some() {
  [ "$(records "$@")" -gt 0 ] || fail "no record with $*"
}

# failing CODE ARGUMENTS...: clnorm check --quick with these ends with the code, and reports on stdout alone.
failing() {
  local code=$1 got
  shift
  "$clnorm" check --quick --json records.json "$@" >stdout 2>stderr
  got=$?
  [ "$got" -eq "$code" ] || fail "clnorm check $*: exit code $got, expected $code: $(cat stdout stderr)"
  grep -q 'all passed' stdout && fail "clnorm check $*: says that all passed"
  if grep -v -e '^device ' -e "$mesa" stderr; then
    fail "clnorm check $*: the lines above on stderr"
  fi
}

ops=(batch layer instance group rms)
types=(f32 f16 bf16 f64)

# ---- usage -----------------------------------------------------------------------------------------------------------
refused 2 "op 'norm' is unknown; expected batch, layer" check --op norm
refused 2 "op '' is unknown" check --op layer,
refused 2 "dtype 'f8' is unknown; expected f32, f16" check --dtype f32,f8
refused 2 "data is for batch in f32" check --op layer --data "$work"
refused 2 "data is for batch in f32" check --dtype f16 --data "$work"

# ---- everything, where nothing has to be compiled --------------------------------------------------------------------
if [ "$CLNORM_DEVICE" = cpu ]; then
  accepted check --quick --json records.json
  grep -q '^all passed: [0-9]* runs' stdout || fail "check: $(cat stdout)"
  [ "$(records '"check":"ok"')" -eq "$(wc -l <records.json)" ] || fail "check: a record is not ok"
  for op in "${ops[@]}"; do
    for type in "${types[@]}"; do
      grep -Eq "^$op +$type +[1-9][0-9]* +[1-9][0-9]* +[01]\.[0-9]{3} +ok " stdout || fail "check has no line $op $type"
      expect_some "\"op\":\"$op\"" "\"dtype\":\"$type\"" '"pass":"backward"'
    done
  done
  for name in none relu leaky-relu clipped-relu elu sigmoid tanh silu gelu gelu-tanh; do
    expect_some "\"activation\":\"$name\"" '"pass":"train"' '"dtype":"f32"'
  done
  expect_some '"op":"layer"' '"axis":2,' '"per_activation":false'
  expect_some '"op":"group"' '"groups":5,' '"layout":"channels-last"'
  expect_some '"residual":true' '"relu_mask":true' '"strided":true'
  expect_some '"accumulate":["dx"]' '"length_axis":2,'
  expect_some ' y=x' '"arguments":"x'
  expect_some '"schema":1,"op":"batch"' '"shape":[16,10]' '"runs":65' '"activation":"none","alpha":0.0,"residual":false'
  [ "$(records '"axis"' '"op":"batch"')" -eq 0 ] || fail "batch normalization has an axis"
  quick=$(records '"op":"instance"')
  accepted check --op layer,rms,group,instance --json records.json
  full=$(records '"op":"instance"')
  [ "$full" -gt "$quick" ] || fail "check runs $full cases of instance normalization, with --quick $quick"
  expect_some '"shape":[6,2,128,1024]' '"check":"ok"'
fi

# ---- a part, on any device -------------------------------------------------------------------------------------------
accepted check --quick --op rms,group --dtype bf16 --json records.json
[ "$(grep -c '^[a-z]* *bf16 ' stdout)" -eq 2 ] || fail "check of two operations: $(cat stdout)"
grep -Eq '^(pass|train|batch|layer|instance) ' stdout && fail "check runs what was left out: $(cat stdout)"
[ "$(records '"dtype":"bf16"' '"check":"ok"')" -eq "$(wc -l <records.json)" ] || fail "check --dtype bf16: a record"

# ---- double, which not every device has ------------------------------------------------------------------------------
no_double=
if [ "$CLNORM_DEVICE" != cpu ]; then
  accepted devices --json
  no_double=$(grep '"fp64":false' stdout)
fi
if [ -n "$no_double" ]; then
  failing 1 --op rms --dtype f64
  grep -q '^NOTHING WAS RUN: 0 runs .*[1-9] unsupported' stdout || fail "no double: $(cat stdout)"
  grep -q '^unsupported rms f64, .*double' stdout || fail "no double, but no reason: $(cat stdout)"
  [ "$(records '"check":"unsupported"' 'double')" -eq "$(wc -l <records.json)" ] || fail "no double: records"
  accepted check --quick --op rms --dtype f64,bf16 --json records.json
  grep -Eq '^rms +f64 +[1-9][0-9]* +0 +- +- +- +unsupported' stdout || fail "no double beside bf16: $(cat stdout)"
  grep -q '^all passed: .*[1-9] unsupported' stdout || fail "no double beside bf16: $(cat stdout)"
else
  accepted check --quick --op rms --dtype f64 --json records.json
  [ "$(records '"check":"ok"' '"dtype":"f64"')" -eq "$(wc -l <records.json)" ] || fail "check --dtype f64: records"
fi

# ---- wrong results ---------------------------------------------------------------------------------------------------
if [ -n "$wrong" ] && [ "$CLNORM_DEVICE" = cpu ]; then
  for op in "${ops[@]}"; do
    LD_PRELOAD=$wrong failing 1 --op "$op"
    grep -q '^FAILED: ' stdout || fail "wrong results of $op: $(cat stdout)"
    for type in "${types[@]}"; do
      grep -Eq "^$op +$type .* FAIL " stdout || fail "wrong results of $op $type: $(cat stdout)"
      grep -Eq "^FAILED $op $type, [1-9][0-9]* of " stdout || fail "wrong results of $op $type: no reason"
      expect_some "\"op\":\"$op\"" "\"dtype\":\"$type\"" '"check":"failed"' '"reason":"'
    done
    # By a hundredth, and where gaps are in no element at all.
    expect_some "\"op\":\"$op\"" '"dtype":"f32"' '"check":"failed"' 'times the bound; arguments: x'
    expect_some "\"op\":\"$op\"" '"strided":true' '"check":"failed"' "no element's, was changed"
  done
fi

echo "$failures failures"
[ $failures -eq 0 ]
