# Hardware virtualisation where it works, else software.
# shellcheck shell=bash disable=SC2154  # the entry script sets the options and folders

# Some machines offer /dev/kvm and then hang a stock kernel, so only a trial boot tells. Its verdict is kept.
choose_accel() {
  [[ ! $accel ]] || return 0
  local verdict
  verdict=$cache/accel-$(sha256sum <<<"$(uname -a) $release $(qemu-system-x86_64 --version)" | cut -c1-12)
  [[ -s $verdict ]] || locked try_kvm "$verdict"
  accel=$(<"$verdict")
}

try_kvm() {
  local verdict=$1 trial=$cache/new/trial answer=tcg
  [[ ! -s $verdict ]] || return 0
  if [[ -w /dev/kvm ]]; then
    say 'trying hardware virtualisation, once'
    mkdir "$trial"
    make_image "$trial" probe
    # shellcheck disable=SC2046  # the arguments are words
    timeout --signal=KILL 10 qemu-system-x86_64 $(machine_arguments kvm) -m 512M -nic none \
      -serial "file:$trial/console" -kernel "$vmlinuz" -initrd "$trial/initrd" -append "$(kernel_arguments)" \
      </dev/null >/dev/null 2>&1 || true
    ! grep -qs 'lab: alive' "$trial/console" || answer=kvm
  fi
  echo "$answer" >"$verdict"
}
