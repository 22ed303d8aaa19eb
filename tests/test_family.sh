#!/usr/bin/env bash
# Runs `clnorm run` for the whole family: each operation, pass, storage type, activation, residual, lengths, against
# family_reference.awk on small inputs; what is refused; --explain.
# Usage: test_family.sh CLNORM
# The device under test is $CLNORM_DEVICE.
set -u
clnorm=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# shellcheck source=tests/command_functions.sh
. "$here/command_functions.sh"

# shape_of N...: as Python writes it.
shape_of() {
  local text
  text=$(printf '%s, ' "$@")
  [ $# -eq 1 ] && printf '(%s,)' "$1" || printf '(%s)' "${text%, }"
}

# whole NAME SEED FIRST STEP CHOICES N...: NAME.npy of shape (N...) with whole numbers FIRST + STEP * (0 .. CHOICES-1), in an
# order that looks like none, and NAME.txt for the reference.
whole() {
  local name=$1 seed=$2 first=$3 step=$4 choices=$5 count=1 n
  shift 5
  for n in "$@"; do count=$((count * n)); done
  awk -v s="$seed" -v name="$name" -v first="$first" -v step="$step" -v choices="$choices" -v count="$count" 'BEGIN {
    for (i = 0; i < count; i++) { s = s * 16807 % 2147483647; print name, first + step * (int(s / 1000) % choices) }
  }' >"$name.txt"
  npy "$name.npy" '|i1' "$(shape_of "$@")" "$(awk '{ printf "\\%03o", $2 < 0 ? $2 + 256 : $2 }' "$name.txt")"
}

# compare TYPE WHAT: each result of `expected` against out/NAME.npy. A tensor may be off by half a unit of its type, and
# everything by a few roundings of its arithmetic, float or double.
compare() {
  local name type=$1
  shift
  for name in $(cut -d ' ' -f 1 expected | uniq); do
    [ -f "out/$name.npy" ] || { fail "$*: no $name.npy"; continue; }
    paste -d ' ' <(values "out/$name.npy") <(awk -v n="$name" '$1 == n { print $2 }' expected) >pairs
    awk -v name="$name" -v type="$type" '
      BEGIN {
        unit["f16"] = 2 ^ -11; unit["bf16"] = 2 ^ -8
        bound = type == "f64" ? 1e-9 : 4e-6
        if (name ~ /^(y|dx|dresidual)$/) bound += unit[type]
      }
      { d = $1 - $2; if (d < 0) d = -d; m = $2 < 0 ? -$2 : $2; if (m < 1) m = 1 }
      NF != 2 || !(d <= bound * m) { print "value " NR - 1 ": " $0; exit 1 }
      END { if (NR == 0) { print "no values"; exit 1 } }' pairs >verdict || fail "$*: $name: $(head -n 1 verdict)"
  done
  [ "$(find out -type f | wc -l)" -eq "$(cut -d ' ' -f 1 expected | uniq | wc -l)" ] || fail "$*: wrote $(ls out)"
}

# family OP DIMS PARAMETERS PASSES OPTION...: runs the passes and compares. OPTIONs are those of the command, but `residual`
# for --residual with a file and lengths=N,N... for --lengths with one.
family() {
  local op=$1 dims=$2 parameters=$3 passes=$4 pass option options=() inputs=() tensors=(x)
  local layout='' groups='' axis=1 length_axis='' activation=none alpha='' type=f32 per_activation='' lengths=''
  shift 4
  local what="$op $dims $*"
  while [ $# -gt 0 ]; do
    option=$1
    case $option in
      residual) tensors+=(residual) ;;
      lengths=*) lengths=${option#lengths=} ;;
      --layout) layout=$2 ;;
      --groups) groups=$2 ;;
      --axis) axis=$2 ;;
      --length-axis) length_axis=$2 ;;
      --activation) activation=${2%:*} alpha=${2#"$activation"} alpha=${alpha#:} ;;
      --dtype) type=$2 ;;
      --per-activation) per_activation=1 ;;
    esac
    [[ $option == -* ]] && options+=("$option") && [[ ${2-} != '' && $2 != -* && $option != --per-activation ]] &&
      options+=("$2") && shift
    shift
  done
  case $activation$alpha in
    leaky-relu) alpha=0.01 ;;
    elu) alpha=1 ;;
    clipped-relu) alpha=6 ;;
  esac
  # Odd beta and even residual: where xh is 0, z is at no kink.
  # shellcheck disable=SC2086  # dimensions are words
  {
    whole x 1 -9 1 19 $dims
    whole dy 2 -4 1 9 $dims
    whole residual 3 -4 2 5 $dims
    whole gamma 4 -3 2 4 $parameters
    whole beta 5 -3 2 4 $parameters
    whole running_mean 6 -3 1 7 $parameters
    whole running_var 7 1 1 5 $parameters
  }
  if [ -n "$lengths" ]; then
    tr , '\n' <<<"$lengths" | sed 's/^/lengths /' >lengths.txt
    npy lengths.npy '|u1' "$(shape_of "$(wc -l <lengths.txt)")" "$(awk '{ printf "\\%03o", $2 }' lengths.txt)"
    tensors+=(lengths)
  fi
  for pass in $passes; do
    inputs=("${tensors[@]}" gamma)
    [[ $pass == backward* ]] && inputs+=(dy)
    [[ $pass != backward* || $activation != none ]] && inputs+=(beta)
    [[ $op == batch || $op == instance ]] && [ "$pass" != backward ] && inputs+=(running_mean running_var)
    local files=() input
    for input in "${inputs[@]}"; do files+=("--${input//_/-}" "$input.npy"); done
    # The default of --length-axis, where it is not given: the last axis that is not C.
    local along=$length_axis rank
    rank=$(wc -w <<<"$dims")
    if [ -n "$lengths" ] && [ -z "$along" ]; then
      along=$((rank - 1))
      [ "$layout" = channels-last ] && along=$((rank - 2))
      [[ $op == layer || $op == rms ]] && along=1
    fi
    for input in "${inputs[@]}"; do cat "$input.txt"; done |
      awk -f "$here/family_reference.awk" -v op="$op" -v pass="$pass" -v dims="$dims" -v layout="$layout" \
        -v groups="$groups" -v axis="$axis" -v length_axis="${along:-0}" -v activation="$activation" \
        -v alpha="$alpha" -v epsilon=1e-5 -v factor=0.1 -v per_activation="$per_activation" >expected
    rm -rf out
    accepted run "$op" "$pass" "${files[@]}" "${options[@]}" --explain --out out
    compare "$type" "$pass $what"
    explained "$type" "$pass $what"
  done
}

# explained TYPE WHAT: what --explain computed is what the device gave, in rows and in lines.
explained() {
  local type=$1
  shift
  awk -v type="$type" '
    function off(a, b, d, m) {
      d = a - b; if (d < 0) d = -d
      m = b < 0 ? -b : b; if (m < 1) m = 1
      return !(d <= (type == "f16" ? 6e-4 : type == "bf16" ? 5e-3 : 1e-5) * m)
    }
    # Rows: a label of 36 characters, then values.
    { label = substr($0, 3, 34); sub(/ *$/, "", label); values = substr($0, 37) }
    label ~ /^(y|dx)( =.*)?$/ && label !~ /dx = .*h\/n/ && values != "" { computed = values }
    label ~ /^g = / { slope = values }
    label ~ /^(y|dx) by the device$/ { rows++; if (same(computed, values)) bad = bad "\n" $0 }
    label == "dresidual by the device" && slope != "" { if (same(slope, values)) bad = bad "\n" $0 }
    / device: / {
      lines++; before = $0; sub(/ *device: .*/, "", before); sub(/.* /, "", before)
      after = $0; sub(/.*device: /, "", after)
      if (off(before, after)) bad = bad "\n" $0
    }
    function same(a, b, p, q, i, n) {
      n = split(a, p, " ")
      if (split(b, q, " ") != n) return 1
      for (i = 1; i <= n; i++) if (p[i] != "..." && off(p[i], q[i])) return 1
      return 0
    }
    END { if (rows == 0) bad = bad " no rows"; if (bad != "") { print bad; exit 1 } }' stdout >verdict ||
    fail "$*: --explain: $(cat verdict)"
}

# ---- results ---------------------------------------------------------------------------------------------------------
forward_and_backward='train infer backward'
all="$forward_and_backward backward-frozen"

# Everywhere: each operation, pass, kind of input and type goes to the device and comes back.
family batch '4 5 3' 3 "$all" --layout channels-last residual --activation silu
family layer '3 4 5' 5 "$forward_and_backward" --axis 2 residual --activation gelu
family instance '3 2 5' 2 "$all"
family group '2 6 3' 6 "$forward_and_backward" --groups 3
family batch '4 3 5' 3 'train backward' --dtype f16 residual --activation clipped-relu:2
family batch '3 2 5' 2 'train backward' lengths=5,3,1
family rms '3 6' 6 'train backward' lengths=6,2,1 residual

# A device that compiles slowly has met these kernels in other suites.
if [ -z "${CLNORM_TEST_SLOW:-}" ]; then
  family rms '3 8' 8 "$forward_and_backward"
  family layer '3 9' 9 'train backward' --dtype bf16
fi

# Once: what the command itself makes of shapes and options. Each would cost devices another compilation.
if [ "${CLNORM_DEVICE:-}" = cpu ]; then
  family batch '4 3 5' 3 "$all"
  family batch '4 2 3' '2 3' 'train backward' --per-activation residual
  family batch '6 4' 4 "$all" residual
  family layer '3 4 5' '4 5' "$forward_and_backward"
  family layer '3 4' '3 4' "$forward_and_backward" --axis 0
  family layer 7 7 "$forward_and_backward" --axis 0
  family layer '2 2 2 2 2 2 2 3' '2 2 3' "$forward_and_backward" --axis 5
  family rms '2 3 4' 4 "$forward_and_backward" --axis 2 residual --activation relu
  family instance '3 5 2' 2 "$all" --layout channels-last residual --activation tanh
  family group '2 3 6' 6 "$forward_and_backward" --groups 2 --layout channels-last residual --activation elu:0.5
  family group '3 4' 4 "$forward_and_backward" --groups 2
  for activation in relu leaky-relu leaky-relu:0.25 clipped-relu clipped-relu:2 elu elu:0.5 sigmoid tanh silu gelu \
    gelu-tanh; do
    family group '2 4 4' 4 'train backward' --groups 2 --activation $activation
    family batch '3 3 4' 3 'infer backward-frozen' residual --activation $activation
  done
  for type in f16 bf16; do
    family batch '4 3 5' 3 "$all" --dtype $type residual --activation relu
    family layer '3 9' 9 "$forward_and_backward" --dtype $type
    family rms '3 9' 9 "$forward_and_backward" --dtype $type --activation silu
    family instance '2 2 7' 2 "$all" --dtype $type
    family group '2 5 4' 4 "$forward_and_backward" --dtype $type --groups 2 --layout channels-last
  done
  family batch '3 5 2' 2 'train backward' lengths=4,0,2 --layout channels-last --activation sigmoid
  family batch '2 3 4 3' 3 'train backward' lengths=1,3 --length-axis 2
  family layer '3 4 5' 5 "$forward_and_backward" lengths=4,2,0 --axis 2 residual
  family layer '3 4 5' '4 5' "$forward_and_backward" lengths=5,3,1 --length-axis 2
  family instance '3 2 5' 2 "$all" lengths=2,5,3 residual --activation gelu
  family group '3 4 5' 4 "$forward_and_backward" lengths=2,5,0 --groups 2 --dtype bf16
fi

# ---- double, or why not ------------------------------------------------------------------------------------------------
npy x.npy '|u1' '(2, 1)' '\001\002'
if "$clnorm" run batch train --x x.npy --dtype f64 >stdout 2>stderr; then
  family batch '4 3 5' 3 'train backward-frozen' --dtype f64 residual --activation gelu-tanh
  family layer '3 9' 9 'infer backward' --dtype f64
  family rms '3 9' 9 'train backward' --dtype f64
  family instance '2 2 7' 2 'train backward-frozen' --dtype f64 lengths=7,4
  family group '2 4 5' 4 'infer backward' --dtype f64 --groups 2
  # 1 and 1 + 2^-40 in a file of doubles are two values: y is -1 and 1, where float would see one.
  npy near.npy '<f8' '(2, 1)' '\0\0\0\0\0\0\360\077\0\020\0\0\0\0\360\077'
  accepted run batch train --x near.npy --dtype f64 --eps 1e-36 --out near
  expect_values near/y.npy -1 1
  accepted run batch train --x near.npy --eps 1e-36 --out near32
  expect_values near32/y.npy 0 0
else
  refused 1 'double' run batch train --x x.npy --dtype f64 --out no
  accepted devices
  grep -q 'f64 no: the device has no double' stdout || fail "f64 was refused, but devices says: $(cat stdout)"
fi

# ---- saved statistics give what the pass computes itself ---------------------------------------------------------------
whole x 1 -9 1 19 2 6 3
whole dy 2 -4 1 9 2 6 3
accepted run group train --groups 3 --x x.npy --out saved
accepted run group backward --groups 3 --x x.npy --dy dy.npy --out without
accepted run group backward --groups 3 --x x.npy --dy dy.npy --mean saved/mean.npy --inv-std saved/inv_std.npy --out with
# shellcheck disable=SC2046  # values are words
expect_values with/dx.npy $(values without/dx.npy)
grep -aq "'shape': (2, 3)" saved/mean.npy || fail "the shape of a group's mean"
accepted run rms train --x x.npy --axis 2 --out saved_rms
grep -aq "'shape': (2, 6)" saved_rms/inv_std.npy || fail "the shape of an inv_std of rms"
accepted run rms backward --x x.npy --dy dy.npy --axis 2 --inv-std saved_rms/inv_std.npy --out with_rms
grep -aq "'shape': (3,)" with_rms/dgamma.npy || fail "the shape of a dgamma of rms"
accepted run layer train --x x.npy --axis 0 --out one
grep -aq "'shape': ()" one/mean.npy || fail "the shape of a single mean"
# Without an activation no gradient depends on the residual: dresidual is dy.
accepted run layer backward --x x.npy --dy dy.npy --residual dy.npy --out plain
# shellcheck disable=SC2046
expect_values plain/dresidual.npy $(cut -d ' ' -f 2 dy.txt)
# An empty batch is no error where no running statistic learns from it.
npy empty.npy '|u1' '(0, 4)' ''
accepted run layer train --x empty.npy --out empty
[ "$(stat -c %s empty/y.npy)" -eq 128 ] || fail "an empty batch wrote $(stat -c %s empty/y.npy) bytes"
accepted run rms backward --x empty.npy --dy empty.npy --out empty_rms
expect_values empty_rms/dgamma.npy 0 0 0 0

# ---- --explain ---------------------------------------------------------------------------------------------------------
npy row.npy '|u1' '(1, 4)' '\001\001\005\005'
accepted run rms train --x row.npy --explain
grep -q 'ms = sum(x^2)/n  *52 / 4 = 13$' stdout || fail "--explain does not show the mean of squares: $(cat stdout)"
accepted run layer train --x row.npy --activation relu --explain
grep -q '^layer train, step by step: 1 statistic of n = 4 values' stdout || fail "--explain of layer: $(head -n 1 stdout)"
grep -q '  y = relu(z)  *0  *0  *0.99' stdout || fail "--explain does not show the activation: $(cat stdout)"
accepted run layer backward --x row.npy --dy row.npy --explain
grep -q 'mean(h) = sum(h)/n  *12 / 4 = 3$' stdout || fail "--explain does not show the mean of h: $(cat stdout)"
npy two.npy '|u1' '(1,)' '\002'
npy pair.npy '|u1' '(1, 1, 4)' '\001\003\011\011'
accepted run instance train --x pair.npy --lengths two.npy --explain
grep -q '^statistic 0 of n = 2 values' stdout || fail "--explain does not show what is padding: $(cat stdout)"
grep -q '0.9\*1 + 0.1\*2 = 1.1 ' stdout || fail "--explain does not show the running variance: $(cat stdout)"

# ---- refused -----------------------------------------------------------------------------------------------------------
whole x 1 -9 1 19 2 6 3
npy pair.npy '|u1' '(2,)' '\001\002'
npy three.npy '|u1' '(3,)' '\001\001\001'
npy far.npy '|u1' '(2,)' '\001\004'
npy minus.npy '|i1' '(2,)' '\001\377'
# 1.5 and 65520, which no f16 has.
npy broken.npy '<f4' '(2,)' '\0\0\300\077\0\0\200\077'
npy large.npy '<f4' '(2, 1)' '\0\0\200\077\0\360\177\107'
if [ "${CLNORM_DEVICE:-}" = cpu ]; then
  refused 2 "unknown operation 'norm'; expected batch, layer, instance, group or rms" run norm train --x x.npy --out no
  refused 2 'group requires --groups' run group train --x x.npy --out no
  for bad in '' 0 -1 1.5 x 4294967296; do
    refused 2 "groups '$bad'" run group train --groups "$bad" --x x.npy --out no
  done
  refused 2 'INVALID_SHAPE' run group train --groups 4 --x x.npy --out no
  refused 2 'batch does not use --groups' run batch train --groups 2 --x x.npy --out no
  refused 2 'batch does not use --axis' run batch train --axis 1 --x x.npy --out no
  refused 2 'layer does not use --per-activation' run layer train --per-activation --x x.npy --out no
  for bad in '' -1 8 1.5; do
    refused 2 "axis '$bad'" run layer train --axis "$bad" --x x.npy --out no
  done
  refused 2 'INVALID_SHAPE' run layer train --axis 3 --x x.npy --out no
  refused 2 'layer has no running statistics' run layer backward-frozen --x x.npy --dy dy.npy --out no
  refused 2 'rms infer does not use --running-mean' run rms infer --x x.npy --running-mean pair.npy --out no
  refused 2 'rms backward does not use --mean' run rms backward --x x.npy --dy dy.npy --mean pair.npy --out no
  refused 2 'instance infer requires --running-mean' run instance infer --x x.npy --out no
  refused 2 'layer backward does not use --beta without an --activation' \
    run layer backward --x x.npy --dy dy.npy --beta x.npy --out no
  for bad in '' swish RELU 'relu ' leaky-relux clipped-relu-of-a-very-long-name; do
    refused 2 "activation '$bad' is unknown" run layer train --activation "$bad" --x x.npy --out no
  done
  for bad in none relu sigmoid tanh silu gelu gelu-tanh; do
    refused 2 "activation '$bad:1': $bad takes no number" run layer train --activation $bad:1 --x x.npy --out no
  done
  for bad in leaky-relu: leaky-relu:x leaky-relu:1e39 elu:inf elu:1:2 clipped-relu:0 clipped-relu:-1; do
    refused 2 "activation '$bad': '.*' is .*; expected a" run layer train --activation $bad --x x.npy --out no
  done
  refused 2 "dtype 'f8' is unknown; expected f32, f16, bf16 or f64" run layer train --dtype f8 --x x.npy --out no
  refused 2 'large.npy: byte [0-9]+: a value beyond the largest f16 \(65504\)' \
    run batch train --dtype f16 --x large.npy --out no
  refused 2 'residual pair.npy has the shape \(2,\); expected that of x, \(2, 6, 3\)' \
    run layer train --x x.npy --residual pair.npy --out no
  refused 2 'length-axis is of no use without --lengths' run layer train --x x.npy --length-axis 1 --out no
  refused 2 'lengths three.npy has 3 values; expected 2' run instance train --x x.npy --lengths three.npy --out no
  refused 2 'lengths far.npy: value 1 is 4; expected a whole number from 0 to 3' \
    run instance train --x x.npy --lengths far.npy --out no
  refused 2 'value 1 is -1; expected a whole' run instance train --x x.npy --lengths minus.npy --out no
  refused 2 'value 0 is 1.5; expected a whole' run instance train --x x.npy --lengths broken.npy --out no
  refused 2 'length-axis 1: x of shape \(2, 6, 3\) has no such axis, or it is C' \
    run instance train --x x.npy --lengths pair.npy --length-axis 1 --out no
  refused 2 'length-axis 3: x of shape' run instance train --x x.npy --lengths pair.npy --length-axis 3 --out no
  refused 2 "length-axis '0'" run instance train --x x.npy --lengths pair.npy --length-axis 0 --out no
  refused 2 'x of shape \(2, 1\) has no axis for them' run batch train --x large.npy --lengths pair.npy --out no
  accepted run --help
  for word in layer instance group rms dresidual clipped-relu lengths bf16; do
    grep -q -- "$word" stdout || fail "run --help does not tell of $word"
  done
fi

echo "$failures failures"
[ $failures -eq 0 ]
