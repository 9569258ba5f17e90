# One guest: the files it is served, its boot image, the machine, its end.
# shellcheck shell=bash disable=SC2154  # the entry script sets the options and folders

run_guest() {
  mkdir -p "$share"
  share=$(readlink -f "$share")
  # Not in TMPDIR: the path of a socket has to be short.
  work=$(mktemp -d /tmp/meshd-lab.XXXXXX)
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  make_image "$work" run
  serve_files
  start_streams
  start_machine
  await_end
}

# make_image DIR MODE: DIR/initrd is the cached image followed by an archive with what is particular to this run.
make_image() {
  local job=$1/image/job
  mkdir -p "$job"
  install -m 755 "$here/lab.d/guest-boot" "$1/image/init"
  cp "$here/lab.d/guest-run" "$job/run"
  echo "$2" >"$job/mode"
  pwd >"$job/folder"
  # The whole repository, when the caller is somewhere inside it
  if [[ $PWD/ == "$repo"/* ]]; then echo "$repo"; else pwd; fi >"$job/keep"
  printf '%s\n' "${share:-}" >"$job/share"
  printf '%s\n' "${extra:-}" >"$job/extra"
  printf '%s\n' "$shell" >"$job/shell"
  printf '%s\0' "PATH=$PATH" "${variables[@]}" >"$job/variables"
  [[ ! $shell ]] || printf '%s\0' "TERM=${TERM:-linux}" 'PS1=\u@\h:\w\$ ' >>"$job/variables"
  # Without start-up files: those of a busy account start dozens of programs, which takes long in here.
  ((${#command[@]})) || command=(bash --norc -i)
  printf '%s\0' "${command[@]}" >"$job/command"
  { stty size 2>/dev/null || echo 24 80; } >"$job/size"
  {
    cat "$initrd"
    printf '%s\n' init job job/{run,mode,folder,keep,share,extra,shell,variables,command,size} |
      cpio --quiet -o -H newc -R 0:0 -D "$1/image"
  } >"$1/initrd"
}

# Each folder has a server of its own: two layers of one overlay may not come from the same device.
serve_files() {
  mkdir "$work/root"
  start unshare -m setpriv --pdeathsig KILL bash "$here/lab.d/serve-root" "$work/root" "$modules" \
    "$(virtiofsd_command root "$work/root" always)"
  serve share "$share" auto
  [[ ! $extra ]] || serve extra "$extra" always
}

serve() {
  # The server's lock file belongs to a folder that goes away with it.
  start unshare -m setpriv --pdeathsig KILL sh -c "mount -t tmpfs tmpfs /run && exec $(virtiofsd_command "$@")"
}

virtiofsd_command() {
  local tag=$1 folder=$2 caching=$3
  if [[ $virtiofsd == */libexec/* ]]; then
    printf '%q ' "$virtiofsd" --socket-path="$work/$tag.sock" --shared-dir="$folder" --cache="$caching" --sandbox=chroot
  else
    # chroot, because many containers refuse the default's pivot_root
    printf '%q ' "$virtiofsd" --socket-path="$work/$tag.sock" -f -o "source=$folder" -o "cache=$caching" -o sandbox=chroot
  fi
}

start() { "$@" </dev/null >>"$work/log" 2>&1 & }

# The machine writes into pipes, which works whatever this script's own output is: a file, a socket, a terminal.
start_streams() {
  mkfifo "$work/out" "$work/err" "$work/console.pipe"
  cat "$work/out" &
  out=$!
  cat "$work/err" >&2 &
  err=$!
  if [[ $verbose ]]; then tee "$work/console" <"$work/console.pipe" >&2 & else cat "$work/console.pipe" >"$work/console" & fi
  log=$!
}

machine_arguments() {
  local cpu=max
  if [[ $1 == kvm ]]; then
    cpu=host
  elif (($(qemu_major) < 10)) && [[ $(printf '%s\n' 6.2 "$release" | sort -V | head -n 1) == 6.2 ]]; then
    # QEMU 7.2 gets cmpxchg16b wrong in a way that newer kernels' allocator meets at boot.
    cpu=max,-cx16
  fi
  echo "-machine q35 -accel $1${2:-} -cpu $cpu -nodefaults -display none -monitor none -no-reboot"
}

qemu_major() { qemu-system-x86_64 --version | sed -n 's/.*version \([0-9]*\).*/\1/p'; }

# A panic reboots at once, and QEMU takes a reboot for the end. Mitigations only cost time in here.
kernel_arguments() {
  local quiet=quiet
  [[ ! $verbose ]] || quiet=''
  echo "console=ttyS0 panic=-1 reboot=t mitigations=off $quiet"
}

start_machine() {
  local arguments=() tags=(root share) tag model=''
  [[ ! $extra ]] || tags+=(extra)
  for tag in "${tags[@]}"; do
    await_socket "$work/$tag.sock"
    arguments+=(-chardev "socket,id=$tag,path=$work/$tag.sock" -device "vhost-user-fs-pci,chardev=$tag,tag=$tag")
  done
  [[ $accel != tcg ]] || model=,thread=multi
  [[ ! $icount ]] || {
    model=,thread=single
    arguments+=(-icount 'shift=1,sleep=off')
  }
  arguments+=(-device virtio-serial-pci)
  # shellcheck disable=SC2054  # the commas are QEMU's
  [[ ! $shell ]] || arguments+=(-chardev stdio,id=terminal,signal=off -device virtconsole,chardev=terminal,nr=0)
  : >"$work/status"
  tag=0
  for name in out err status; do
    arguments+=(-chardev "file,id=$name,path=$work/$name" -device "virtserialport,chardev=$name,nr=$((tag += 1)),name=lab.$name")
  done
  terminal=''
  [[ ! $shell ]] || terminal=$(stty -g 2>/dev/null) || true
  # shellcheck disable=SC2046  # the arguments are words
  setpriv --pdeathsig KILL qemu-system-x86_64 $(machine_arguments "$accel" "$model") -smp "$cpus" -m "$memory" \
    -object "memory-backend-memfd,id=memory,size=$memory,share=on" -machine memory-backend=memory -nic none \
    -chardev "file,id=log,path=$work/console.pipe" -serial chardev:log "${arguments[@]}" \
    -kernel "$vmlinuz" -initrd "$work/initrd" -append "$(kernel_arguments)" <&0 2>>"$work/log" &
  machine=$!
}

await_socket() {
  local tries
  for ((tries = 0; tries < 500; tries++)); do
    [[ ! -S $1 ]] || return 0
    sleep 0.02
  done
  die "the file server did not start: $(<"$work/log")"
}

# Ends with the guest, the time limit, or a reader of the output that has gone away.
await_end() {
  local ended timer=none awaited=("$machine" "$out" "$err")
  if [[ $timeout ]]; then
    sleep "$timeout" &
    timer=$!
    awaited+=("$timer")
  fi
  wait -n -p ended "${awaited[@]}" || true
  case ${ended:-} in
    "$timer") stop_late ;;
    "$out" | "$err") await_status || exit 141 ;;
  esac
  drain
  hand_back
}

# What the command has said so far still comes out, unless nobody reads it.
stop_late() {
  local tries
  quietly "$machine"
  for ((tries = 0; tries < 50; tries++)); do
    kill -0 "$out" 2>/dev/null || kill -0 "$err" 2>/dev/null || break
    sleep 0.02
  done
  say "time limit of $timeout s reached"
  exit 124
}

# The guest closes its output just before it ends; only when it goes on has the reader left.
await_status() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    kill -0 "$machine" 2>/dev/null || return 0
    [[ ! -s $work/status ]] || return 0
    sleep 0.02
  done
  return 1
}

# Waits until everything written has been passed on. Opening a pipe here frees a reader whose writer never came.
drain() {
  wait "$machine" || true
  : 1<>"$work/out" 1<>"$work/err" 1<>"$work/console.pipe"
  wait "$out" "$err" "$log" || true
}

hand_back() {
  local status
  status=$(<"$work/status")
  [[ ! $status =~ ^[0-9]+$ ]] || exit "$status"
  if grep -q 'Kernel panic' "$work/console"; then
    say "the guest's kernel panicked; the end of its log:"
  else
    say 'the guest ended without a status; the end of its log:'
  fi
  [[ -s $work/console ]] || cat "$work/log" >&2
  tail -n 40 "$work/console" >&2
  exit 125
}

# Kills processes without the shell's remarks on how they ended.
quietly() {
  {
    kill -KILL "$@"
    wait "$@"
  } 2>/dev/null || true
}

clean_up() {
  trap '' HUP INT TERM
  local running
  mapfile -t running < <(jobs -pr)
  ((!${#running[@]})) || quietly "${running[@]}"
  [[ ! ${terminal:-} ]] || stty "$terminal" 2>/dev/null || true
  # By name: a mount of the whole file system once was in here, in another mount namespace.
  rm -rf "$work/image"
  rm -f "$work"/{out,err,status,console,console.pipe,log,initrd} "$work"/*.sock*
  rmdir "$work/root" "$work" || true
}
