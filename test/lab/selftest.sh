#!/usr/bin/env bash
# Checks what scripts/lab promises. Run as root: bash test/lab/selftest.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

lab=scripts/lab
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failures=0

# check NAME COMMAND: the command's status is the result; what it printed is shown when it failed.
check() {
  local name=$1
  shift
  if "$@" >"$scratch/check" 2>&1; then
    echo "ok - $name"
  else
    echo "not ok - $name"
    sed 's/^/  # /' "$scratch/check"
    failures=$((failures + 1))
  fi
}

# run ARGUMENTS: one guest, bounded; its output in $out and $err, its status in $status.
run() {
  local limit=120
  status=0
  timeout "$limit" "$lab" "$@" >"$scratch/out" 2>"$scratch/err" || status=$?
  out=$(<"$scratch/out") err=$(<"$scratch/err")
}

same() {
  [[ $1 == "$2" ]] || {
    printf 'expected: %s\nfound:    %s\nstandard error: %s\n' "$2" "$1" "$err"
    return 1
  }
}

# all_gone PROCESS...: the identifiers of a guest's processes name nothing any more.
all_gone() { (($#)) && ! ps -o pid=,args= -p "$*"; }

folders() { find /tmp -maxdepth 1 -name 'meshd-lab.*' | sort; }

statuses() {
  local started=$SECONDS
  run true
  # A busy machine boots slowly; what waits for a guest is given time in proportion.
  boot_s=$((SECONDS - started))
  check 'status 0 comes back' same "$status" 0
  check 'nothing else is printed' same "$out$err" ''
  run -- bash -c 'exit 7'
  check 'status 7 comes back' same "$status" 7
  run -- bash -c 'kill -TERM $$'
  check 'a signal comes back as 128 and its number' same "$status" 143
}

streams() {
  # shellcheck disable=SC2016  # for the guest's shell
  run --env GREETING='a  b' --env INHERITED --env ABSENT -- bash -c \
    'echo "out $GREETING $INHERITED ${ABSENT-unset} $LAB"; echo err >&2; echo again >/dev/stdout; pwd; printf "<%s>" "$@"' \
    name 'two words' 'a"b' "it's" '$HOME *' '' $'line\nbreak'
  check 'arguments, variables and the working directory arrive' same "$out" \
    "out a  b yes unset 1
again
$PWD
<two words><a\"b><it's><\$HOME *><><line
break>"
  check 'standard error is apart' same "$err" err
}

streaming() {
  local line started=$SECONDS
  exec 5< <(timeout 60 "$lab" -- bash -c 'echo first; sleep 5; echo last' 2>&1)
  read -r line <&5
  first=$((SECONDS - started))
  read -r last <&5
  check 'the first line arrives before the command ends' \
    test "$line$last $((SECONDS - started - first > 2))" = 'firstlast 1'
  exec 5<&-
}

# One guest looks at itself: each line it prints is one finding.
inside() {
  # shellcheck disable=SC2016  # for the guest's shell
  run --share "$scratch/share" -- bash -c '
    touch /usr/lab-was-here && echo "overlay takes writes"
    mkdir /tmp/lower && mount -t virtiofs root /tmp/lower && mount -o remount,rw /tmp/lower &&
      touch /tmp/lower/usr/lab-was-here 2>&1 | grep -q "Read-only" && echo "host is read-only"
    echo "from the guest" >"$1/note" && echo "share takes writes"
    echo "interfaces: $(ls /sys/class/net | tr "\n" " ")"
    ip -br link show lo | grep -q "LOOPBACK,UP" && echo "loopback is up"
    for module in ip_vs ip_vs_mh ip_vs_rr ip_vs_sh ip_vs_wrr nft_numgen vxlan sch_netem; do modprobe "$module" || echo "no $module"; done
    [[ -e /proc/net/ip_vs ]] && echo "IPVS is there"
    ip netns add probe && ip netns exec probe true && echo "namespaces work"
    [[ -e /sys/fs/cgroup/cgroup.procs && -c /dev/ptmx && -d /dev/shm && $(hostname) == lab ]] && echo "mounts are there"
    [[ $(node -p 1+1) == 2 ]] && echo "node runs"
    (sleep 600 &)
  ' name "$scratch/share"
  local finding
  for finding in 'overlay takes writes' 'host is read-only' 'share takes writes' 'interfaces: lo ' 'loopback is up' \
    'IPVS is there' 'namespaces work' 'mounts are there' 'node runs'; do
    check "in the guest: $finding" grep -qx -- "$finding" <<<"$out"
  done
  check 'in the guest: all modules load' same "$(grep '^no ' <<<"$out")" ''
  check 'the note in the share is here' same "$(cat "$scratch/share/note")" 'from the guest'
  check 'nothing reached the host outside the share' test ! -e /usr/lab-was-here
  check 'a process left behind does not hold the guest' same "$status" 0
}

limits() {
  local before
  before=$(folders)
  run --timeout $((8 + 2 * boot_s)) -- bash -c 'echo begun; exec sleep 600'
  check 'a time limit gives 124' same "$status $out" '124 begun'
  "$lab" -- sleep 600 >"$scratch/out" 2>"$scratch/err" &
  local pid=$!
  sleep 4
  local children
  mapfile -t children < <(pgrep -P "$pid")
  kill -TERM "$pid"
  status=0
  wait "$pid" || status=$?
  check 'SIGTERM ends the guest' same "$status" 143
  local folder
  for folder in $(comm -13 <(echo "$before") <(folders)); do
    # Another lab may have started meanwhile; then its processes are alive.
    check "no folder is left: $folder" pgrep -f "$folder"
  done
  check 'no process is left' all_gone "${children[@]}"
  run -- bash -c 'echo c >/proc/sysrq-trigger; sleep 60'
  check 'a kernel panic gives 125 and says so' test "$status" = 125 -a "${err/panicked/}" != "$err"
}

counted() {
  # shellcheck disable=SC2016  # for the guest's shell
  local loop='a=$EPOCHREALTIME; for ((i = 0; i < 20000; i++)); do :; done; b=$EPOCHREALTIME; echo $((${b/./} - ${a/./}))'
  run --icount -- bash -c "$loop"
  check 'instructions can be the clock' test "$status" = 0 -a "${out:-0}" -gt 1000
}

together() {
  local pids=() n pid good=0
  for n in 1 2; do
    "$lab" -- bash -c "sleep 1; echo guest $n" >"$scratch/out.$n" 2>&1 &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" && good=$((good + 1)); done
  check 'two guests run at once' same "$good $(cat "$scratch"/out.[12] | tr '\n' ' ')" '2 guest 1 guest 2 '
}

terminal() {
  command -v script >/dev/null || return 0
  status=0
  # shellcheck disable=SC2016  # for the guest's shell
  timeout 60 script -qec "stty rows 33 cols 101; $lab --shell -- bash -c '[[ -t 1 ]] && echo terminal of \$(stty size); exit 3'" \
    "$scratch/typescript" </dev/null >"$scratch/out" 2>&1 || status=$?
  check '--shell gives a terminal of the same size' test "$status $(grep -c 'terminal of 33 101' "$scratch/out")" = '3 1'
}

usage() {
  run --cpus none true
  check 'wrong options give 125' same "$status $err" "125 lab: --cpus: 'none' is not a number of processors"
  run --help
  check 'help is there' grep -q '^Usage: scripts/lab' <<<"$out"
}

export INHERITED=yes
"$lab" --setup
usage
statuses
streams
streaming
inside
limits
counted
together
terminal
echo "$((SECONDS)) s, $failures failed"
((failures == 0))
