# Hardware virtualisation where it works, else software.
# shellcheck shell=bash disable=SC2154  # the entry script sets the options and folders

# Some machines offer /dev/kvm and then hang a stock kernel, so only a trial boot tells. Its verdict is kept.
choose_accel() {
  [[ ! $accel ]] || return 0
  local verdict
  [[ -w /dev/kvm ]] || { accel=tcg && return; }
  verdict=$cache/accel-$(sha256sum <<<"$(uname -a) $release $(qemu-system-x86_64 --version)" | cut -c1-12)
  [[ -s $verdict ]] || locked try_kvm "$verdict"
  accel=$(<"$verdict")
}

try_kvm() {
  local verdict=$1 trial=$cache/new/trial
  [[ ! -s $verdict ]] || return 0
  say 'trying hardware virtualisation, once'
  mkdir "$trial"
  make_image "$trial" probe
  # The group keeps the shell's remark on a QEMU that aborts to itself.
  # shellcheck disable=SC2046  # the arguments are words
  {
    setpriv --pdeathsig KILL timeout --signal=KILL 10 \
      setpriv --pdeathsig KILL qemu-system-x86_64 $(machine_arguments kvm) -m 512M -nic none \
      -serial "file:$trial/console" -kernel "$vmlinuz" -initrd "$trial/initrd" -append "$(kernel_arguments)" \
      </dev/null >"$trial/log" 2>&1 || true
  } 2>/dev/null
  [[ ! $verbose ]] || cat "$trial/log" "$trial/console" >&2 || true
  if grep -qs 'lab: alive' "$trial/console"; then echo kvm; else echo tcg; fi >"$verdict"
}
