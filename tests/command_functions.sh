# Functions of the tests of the command; sourced by them. Expects $clnorm, the program, and works in the current folder.
# shellcheck shell=bash disable=SC2154
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# npy FILE DESCR SHAPE OCTETS: a .npy file of version 1 from octal escapes.
npy() {
  local header="{'descr': '$2', 'fortran_order': False, 'shape': $3, }"
  # shellcheck disable=SC2059  # the escapes are the data
  {
    printf '\223NUMPY\001\000'
    printf "\\$(printf %03o $((${#header} + 1)))\\000"
    printf '%s\n' "$header"
    printf "$4"
  } >"$1"
}

# values FILE: the values of a .npy that clnorm wrote, one a line.
values() {
  local size=4
  head -c 128 "$1" | grep -aq "'<f8'" && size=8
  tail -c +129 "$1" | od -A n -v -t f$size -w$size
}

# expect_values FILE V...: equal within 1e-6 of the larger of 1 and the value.
expect_values() {
  local file=$1
  shift
  if ! paste -d ' ' <(values "$file") <(printf '%s\n' "$@") | awk '
    NF != 2 { bad = 1 }
    { d = $1 - $2; m = $2 < 0 ? -$2 : $2; if (m < 1) m = 1; if (!(d <= 1e-6 * m && d >= -1e-6 * m)) bad = 1 }
    END { exit bad }'; then
    fail "$file holds $(values "$file" | tr -s '\n ' ' '), expected $*"
  fi
}

# refused CODE PATTERN ARGUMENTS...: that exit code, nothing on stdout, one line on stderr that matches, no folder `no`.
# A line that tells the choice of the device may come before where the device itself fails.
refused() {
  local code=$1 pattern=$2 got lines
  shift 2
  "$clnorm" "$@" >stdout 2>stderr
  got=$?
  [ "$got" -eq "$code" ] || fail "clnorm $*: exit code $got, expected $code: $(cat stderr)"
  lines=$(wc -l <stderr)
  [ "$code" -eq 1 ] && lines=$(grep -vc '^device ' stderr)
  [ "$lines" -eq 1 ] || fail "clnorm $*: $lines lines on stderr, expected 1: $(cat stderr)"
  grep -Eq -- "^clnorm: .*($pattern)" stderr || fail "clnorm $*: expected /$pattern/, got: $(cat stderr)"
  [ ! -s stdout ] || fail "clnorm $*: printed on stdout though it failed"
  if [ -e no ]; then
    fail "clnorm $*: wrote something though it failed"
    rm -rf no
  fi
}

# What Mesa itself prints when it compiles a kernel that reads an argument in a branch. Arguments are the same for all.
mesa='^MESA: warning: Treating load_kernel_arg in control flow as uniform'

# accepted ARGUMENTS...: exit code 0; on stderr nothing but the choice of the device.
accepted() {
  "$clnorm" "$@" >stdout 2>stderr || fail "clnorm $*: exit code $?: $(cat stderr)"
  if grep -v -e '^device ' -e "$mesa" stderr; then
    fail "clnorm $*: the lines above on stderr"
  fi
}
