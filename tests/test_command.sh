#!/usr/bin/env bash
# Tests the clnorm command as scripts see it: exit codes, one line on stderr, files written or not, known results.
# Usage: test_command.sh CLNORM CACHE [DATA]
#   CACHE   "cache" if the library can keep compiled programs, else "none"
#   DATA    a folder with MNIST's IDX files; it need not exist
# The device under test is $CLNORM_DEVICE.
set -u
clnorm=$1
cache=$2
data=${3-}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
# shellcheck source=tests/command_functions.sh
. "$here/command_functions.sh"

# ---- inputs: column 0 is 1 2 3 4, column 1 is 7 everywhere; dy is 1 0 0 1 and 1 2 3 4 --------------------------------
npy x.npy '|u1' '(4, 2)' '\001\007\002\007\003\007\004\007'
npy dy.npy '|i1' '(4, 2)' '\001\001\000\002\000\003\001\004'
npy gamma.npy '|u1' '(2,)' '\002\003'
npy beta.npy '|i1' '(2,)' '\005\377'
npy one.npy '|u1' '(1,)' '\001'
npy three.npy '|u1' '(3,)' '\001\001\001'
npy rmean.npy '|u1' '(2,)' '\001\007'
npy rvar.npy '|u1' '(2,)' '\004\001'

# ---- what needs no device: once, with the CPU backend ----------------------------------------------------------------
test_usage() {
  # ---- the command and its subcommands ---------------------------------------------------------------------------------
  accepted --version
  grep -Eq '^clnorm [0-9]+\.[0-9]+\.[0-9]+$' stdout || fail "--version prints $(cat stdout)"
  accepted --help
  for command in devices run check bench tune; do
    grep -q "  $command " stdout || fail "--help does not name $command"
  done
  for command in devices run check bench tune; do
    accepted $command --help
    grep -q -- --help stdout || fail "$command --help prints no options"
    grep -q "^Usage: clnorm $command " stdout || fail "$command --help begins with $(head -n 1 stdout)"
  done
  refused 2 'expected a command'
  refused 2 "unknown command 'tuna'" tuna
  refused 2 "unknown command ''" ''
  refused 2 "unknown command '--devices'" --devices
  refused 2 "devices: .*unknown option.*see clnorm devices --help" devices --jsn
  refused 2 "unexpected argument 'x'" devices x
  refused 2 "given twice" devices --json --json
  refused 2 "argument" devices --json=yes
  refused 2 "unknown option" check --quik
  refused 2 "unexpected argument 'batch'" check batch
  refused 2 "device is empty" check --device ''
  refused 2 "json is empty" check --json ''
  refused 2 "data is empty" check --data ''
  refused 2 "no train-images" check --data "$work"
  for bad in nosuchdevice 99 99999999999999999999; do
    refused 2 "--device: '$bad' fits no device; there (are|is only) cpu" check --device $bad
    refused 2 "--device: '$bad' fits no device; there (are|is only) cpu" bench --device $bad
  done

  # ---- bench: options with but one value -------------------------------------------------------------------------------
  refused 2 "bench: --dtype 'f8' is unknown" bench --dtype f8
  refused 2 "bench: --activation 'rely' is unknown" bench --activation rely
  refused 2 'missing argument' bench --residual
  accepted bench --dtype f16 --activation relu --residual yes --shape 4,3 --pass train --min-time 0.001

  # ---- run: usage ------------------------------------------------------------------------------------------------------
  refused 2 'expected OP and PASS' run
  refused 2 "unknown operation 'norm'" run norm train --x x.npy
  refused 2 'no pass after' run batch --x x.npy
  refused 2 "unknown pass 'training'" run batch training --x x.npy
  refused 2 "unexpected argument 'more'" run batch train more --x x.npy
  refused 2 'requires --x' run batch train --out no
  refused 2 'requires --dy' run batch backward --x x.npy --out no
  refused 2 'requires --running-mean' run batch infer --x x.npy --out no
  refused 2 'requires --running-var' run batch infer --x x.npy --running-mean rmean.npy --out no
  refused 2 'does not use --dy' run batch train --x x.npy --dy dy.npy --out no
  refused 2 'does not use --mean' run batch train --x x.npy --mean rmean.npy --out no
  refused 2 'does not use --beta' run batch backward --x x.npy --dy dy.npy --beta beta.npy --out no
  refused 2 'unknown option' run batch train --x x.npy --epsilon 1 --out no
  refused 2 'missing argument' run batch train --x
  refused 2 'given twice' run batch train --x x.npy --x x.npy --out no
  for bad in '' ' ' 1e99 -1 0 nan inf 1e-99 1x 0x1 1,5; do
    refused 2 "eps '$bad'" run batch train --x x.npy --eps "$bad" --out no
  done
  for bad in '' 1e99 -0.1 1.0001 nan 0.1x; do
    refused 2 "average-factor '$bad'" run batch train --x x.npy --average-factor "$bad" --out no
  done
  refused 2 "layout 'nchw'" run batch train --x x.npy --layout nchw --out no
  refused 2 "preset 'caffe'" run batch train --x x.npy --preset caffe --out no
  refused 2 "running-variance 'biased'" run batch train --x x.npy --running-variance biased --out no
  accepted run batch train --x x.npy --dtype f32 --activation none
  refused 2 'x is empty' run batch train --x '' --out no
  refused 2 'out is empty' run batch train --x x.npy --out ''
  refused 2 'device is empty' run batch train --x x.npy --device '' --out no
  for bad in nosuchdevice 99 99999999999999999999; do
    refused 2 "--device: '$bad' fits no device" run batch train --x x.npy --device $bad --out no
  done
  CLNORM_DEVICE=nosuchdevice refused 2 'CLNORM_DEVICE.*nosuchdevice' run batch train --x x.npy --out no

  # ---- run: files and shapes -------------------------------------------------------------------------------------------
  refused 2 'nosuch.npy: cannot be opened' run batch train --x nosuch.npy --out no
  refused 2 'cannot be read' run batch train --x . --out no
  refused 2 'byte 60: the file is truncated' run batch train --x <(head -c 60 x.npy) --out no
  tail -c +2 x.npy >headless.npy
  refused 2 'headless.npy: byte 0: neither' run batch train --x headless.npy --out no
  sed 's/|u1/>f4/' x.npy >big.npy
  refused 2 'big.npy: byte 20: big-endian' run batch train --x big.npy --out no
  sed 's/False/True /' x.npy >fortran.npy
  refused 2 'fortran.npy: byte 44: Fortran order' run batch train --x fortran.npy --out no
  printf 'hello\n' >'two
lines.npy'
  refused 2 'lines.npy: byte 0: neither' run batch train --x 'two
lines.npy' --out no
  refused 2 '3 values; expected 2' run batch train --x x.npy --gamma three.npy --out no
  refused 2 '1 values; expected 2' run batch train --x x.npy --gamma one.npy --out no
  refused 2 '3 values; expected 2' run batch train --x x.npy --beta three.npy --out no
  refused 2 '3 values; expected 2' run batch train --x x.npy --running-mean three.npy --out no
  refused 2 '1 values; expected 2' run batch train --x x.npy --running-var one.npy --out no
  refused 2 '3 values; expected 2' run batch backward --x x.npy --dy dy.npy --inv-std three.npy --out no
  refused 2 'dy three.npy has the shape \(3,\); expected that of x, \(4, 2\)' \
    run batch backward --x x.npy --dy three.npy --out no
  refused 2 'rank: expected 2 to 8' run batch train --x three.npy --out no
  npy single.npy '|u1' '(1, 2)' '\001\002'
  refused 2 'TOO_FEW_VALUES' run batch train --x single.npy --out no
  refused 2 'INVALID_SHAPE' run batch train --x empty.npy --out no
  npy nochannel.npy '|u1' '(2, 0)' ''
  refused 2 'INVALID_SHAPE' run batch train --x nochannel.npy --out no
}

npy empty.npy '|u1' '(0, 2)' ''
if [ "${CLNORM_DEVICE:-}" = cpu ]; then
  test_usage
fi
: >occupied
for out in occupied occupied/y; do
  refused 2 "run: --out $out cannot be a folder" run batch train --x x.npy --out $out
done
mkdir -p blocked/running_var.npy
"$clnorm" run batch train --x x.npy --out blocked >stdout 2>stderr
[ $? -eq 2 ] || fail "a folder in the way of a result"
[ "$(find blocked -type f | wc -l)" -eq 0 ] || fail "a failure left $(find blocked -type f)"
"$clnorm" devices >/dev/full 2>stderr
[ $? -eq 1 ] || fail "a full standard output: exit code"
[ "$(wc -l <stderr)" -eq 1 ] || fail "a full standard output: $(cat stderr)"

# ---- run: known results ----------------------------------------------------------------------------------------------
# epsilon 1e-5, column 0: mean 2.5, var 1.25, xh = (x - 2.5)/sqrt(1.25001); column 1 is constant: y = beta.
accepted run batch train --x x.npy --gamma gamma.npy --beta beta.npy --out out/train
grep -q '^device ' stderr || fail "the choice of the device is not said"
expect_values out/train/y.npy 2.31672977 -1 4.10557659 -1 5.89442341 -1 7.68327023 -1
[ "$(values out/train/y.npy | awk 'NR % 2 == 0 && $1 != -1')" = "" ] || fail "a constant column is not exactly beta"
expect_values out/train/mean.npy 2.5 7
expect_values out/train/inv_std.npy 0.89442361 316.227766
expect_values out/train/running_mean.npy 0.25 0.7
expect_values out/train/running_var.npy 1.06666667 0.9
[ "$(find out/train -type f | wc -l)" -eq 5 ] || fail "train wrote $(find out/train -type f)"
# Keras: epsilon 1e-3, weight 0.01, population variance; the options win over the preset, in whatever order.
accepted run batch train --x x.npy --preset keras --out out/keras
expect_values out/keras/inv_std.npy 0.89406961 31.6227766
expect_values out/keras/running_var.npy 1.0025 0.99
accepted run batch train --x x.npy --eps 1e-5 --average-factor 0.5 --running-variance unbiased --preset keras \
  --running-mean rmean.npy --running-var rvar.npy --out out/options
expect_values out/options/running_mean.npy 1.75 7
expect_values out/options/running_var.npy 2.83333333 0.5
accepted run batch infer --x x.npy --running-mean rmean.npy --running-var rvar.npy --gamma gamma.npy --out out/infer
expect_values out/infer/y.npy 0 0 0.99999875 0 1.9999975 0 2.99999625 0
[ "$(find out/infer -type f | wc -l)" -eq 1 ] || fail "infer wrote $(find out/infer -type f)"
# backward, column 0: dbeta 2, dgamma = sum(dy*xh) = 0, dx = gamma*r*(dy - 1/2); column 1: xh = 0, dbeta 10.
accepted run batch backward --x x.npy --dy dy.npy --gamma gamma.npy --out out/backward
expect_values out/backward/dbeta.npy 2 10
expect_values out/backward/dgamma.npy 0 0
expect_values out/backward/dx.npy 0.89442361 -1423.02495 -0.89442361 -474.341649 -0.89442361 474.341649 0.89442361 \
  1423.02495
accepted run batch backward --x x.npy --dy dy.npy --gamma gamma.npy --mean out/train/mean.npy \
  --inv-std out/train/inv_std.npy --out out/saved
expect_values out/saved/dx.npy 0.89442361 -1423.02495 -0.89442361 -474.341649 -0.89442361 474.341649 0.89442361 \
  1423.02495
# frozen, column 0: r = 1/sqrt(4.00001), dx = r*dy, dgamma = r*(0 + 3); column 1: r = 1/sqrt(1.00001).
accepted run batch backward-frozen --x x.npy --dy dy.npy --running-mean rmean.npy --running-var rvar.npy --out out/frozen
expect_values out/frozen/dx.npy 0.499999375 0.999995 0 1.99999 0 2.999985 0.499999375 3.99998
expect_values out/frozen/dgamma.npy 1.499998125 0
expect_values out/frozen/dbeta.npy 2 10
# An empty batch is no error where nothing is learned from it.
accepted run batch infer --x empty.npy --running-mean rmean.npy --running-var rvar.npy --out out/empty
[ "$(stat -c %s out/empty/y.npy)" -eq 128 ] || fail "an empty batch wrote $(stat -c %s out/empty/y.npy) bytes"
# The same memory seen channels-last, (2, 2, 2): channels are the last axis again.
npy cube.npy '|u1' '(2, 2, 2)' '\001\007\002\007\003\007\004\007'
accepted run batch train --x cube.npy --layout channels-last --out out/last
expect_values out/last/mean.npy 2.5 7
accepted run batch train --x cube.npy --out out/first
expect_values out/first/mean.npy 4.5 5
accepted run batch train --x cube.npy --flatten --out out/flat
expect_values out/flat/mean.npy 2 7 3 7
accepted run batch train --x cube.npy --per-activation --out out/each
cmp -s <(values out/each/mean.npy) <(values out/flat/mean.npy) || fail "per activation is not as flattened"
grep -aq "'shape': (2, 2)" out/each/mean.npy || fail "statistics per activation have not the shape of an activation"
# Without --out nothing is written, and said so.
before=$(find . -type f | sort)
accepted run batch train --x x.npy
grep -q 'Nothing was written' stdout || fail "run without --out does not say that it wrote nothing"
[ "$before" = "$(find . -type f | sort)" ] || fail "run without --out wrote a file"

# ---- run --explain ---------------------------------------------------------------------------------------------------
accepted run batch train --x x.npy --explain
grep -q 'mean = sum(x)/n  *10 / 4 = 2.5$' stdout || fail "--explain does not show the mean"
grep -q 'var = sum((x - mean)^2)/n  *5 / 4 = 1.25$' stdout || fail "--explain does not show the variance"
grep -q '0.9\*1 + 0.1\*1.66667 = 1.0666666' stdout || fail "--explain does not show the running variance"
accepted run batch backward --x x.npy --dy dy.npy --explain
grep -q 'dbeta = sum(dy)  *10   device: 10$' stdout || fail "--explain does not show dbeta"
grep -q 'too much for a page' stdout && fail "--explain cuts an example that fits"

# ---- images ----------------------------------------------------------------------------------------------------------
printf '\0\0\010\003\0\0\0\003\0\0\0\002\0\0\0\002\0\001\002\003\0\001\004\003\0\001\006\003' | gzip >images.gz
accepted run batch train --x images.gz --flatten --out out/images
expect_values out/images/mean.npy 0 1 4 3
expect_values out/images/y.npy 0 0 -1.22474372 0 0 0 0 0 0 0 1.22474372 0
head -c 30 images.gz >cut.gz
refused 2 'cut.gz: byte [0-9]+ \(unpacked\): the gzip data is truncated' run batch train --x cut.gz --out no
digits=$data/train-images-idx3-ubyte.gz
if [ -f "$digits" ]; then
  npy beta784.npy '|u1' '(784,)' "$(printf '\\003%.0s' $(seq 784))"
  accepted run batch train --x "$digits" --flatten --beta beta784.npy --out out/digits
  [ "$(stat -c %s out/digits/y.npy)" -eq $((128 + 8000 * 784 * 4)) ] || fail "the digits are not (8000, 784)"
  # The first pixel is black in every digit: exactly beta in each row.
  values out/digits/y.npy | awk 'NR % 784 == 1 && $1 != 3 || !($1 > -1e3 && $1 < 1e3) { exit 1 }' ||
    fail "a black pixel is not beta, or a digit is no number"
  accepted run batch train --x "$digits" --out out/rows
  grep -q '(8000, 28, 28)' stdout || fail "the digits are not (8000, 28, 28)"
else
  echo "note: no $digits: the test goes on with generated images alone"
fi

# ---- the cache of compiled programs: the second process compiles nothing and writes the same -----------------------------
if [ "${CLNORM_DEVICE:-}" != cpu ] && [ "$cache" = cache ]; then
  CLNORM_CACHE_DIR=programs accepted run batch train --x x.npy --out out/compiled
  grep -q 'kernels compiled in' stdout || fail "nothing was compiled: $(cat stdout)"
  CLNORM_CACHE_DIR=programs accepted run batch train --x x.npy --out out/loaded
  grep -q 'kernels loaded from the cache in [0-9.]* ms' stdout || fail "nothing was loaded: $(cat stdout)"
  grep -q 'kernels compiled in' stdout && fail "kernels were compiled though they are kept: $(cat stdout)"
  cmp out/compiled/y.npy out/loaded/y.npy || fail "a loaded program computes something else"
elif [ "${CLNORM_DEVICE:-}" != cpu ]; then
  CLNORM_CACHE_DIR=programs accepted run batch train --x x.npy
  grep -q 'CLNORM_CACHE_DIR is not used: this build has no cache' stdout || fail "a variable without effect: $(cat stdout)"
  [ ! -e programs ] || fail "a folder without a cache"
fi

# ---- devices ---------------------------------------------------------------------------------------------------------
accepted devices
grep -Eq '^cpu ' stdout || fail "devices does not list cpu"
accepted devices --json
grep -q '"selector":"cpu".*"f32":{"supported":true},"f16":{"supported":true},"bf16":{"supported":true}' stdout ||
  fail "devices --json: $(cat stdout)"
grep -q '"fp64":true.*"f64":{"supported":false' stdout && fail "devices --json refuses f64 though there is double"
if grep '"fp64":false' stdout | grep -qv '"f64":{"supported":false,"reason":"the device has no double"}'; then
  fail "devices --json does not say why there is no f64: $(cat stdout)"
fi
export OCL_ICD_VENDORS=/nonexistent
accepted devices
grep -q 'No OpenCL device was found.*pocl-opencl-icd' stdout || fail "devices without a device: $(cat stdout)"
(
  unset CLNORM_DEVICE
  "$clnorm" run batch train --x x.npy --out out/none >stdout 2>stderr
) || fail "without a device: exit code $?"
grep -q '^device cpu: .*no OpenCL device was found.*pocl-opencl-icd' stderr || fail "falling back is not said: $(cat stderr)"
expect_values out/none/mean.npy 2.5 7
refused 2 "'0' fits no device; there is only cpu; .*pocl-opencl-icd" run batch train --x x.npy --device 0 --out no
accepted check --device cpu --quick --json check.json
grep -q 'all passed' stdout || fail "check --device cpu: $(cat stdout)"
[ "$(grep -c '"check":"ok"' check.json)" -eq "$(wc -l <check.json)" ] || fail "check wrote $(grep -v '"check":"ok"' check.json)"

echo "$failures failures"
[ $failures -eq 0 ]
