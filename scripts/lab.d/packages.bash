# What the laboratory takes from the distribution's package archive.
# shellcheck shell=bash disable=SC2154  # the entry script sets the options and folders

# virtiofsd comes with Debian 12's QEMU, and as a package of its own later.
find_virtiofsd() {
  local path
  for path in /usr/libexec/virtiofsd /usr/lib/qemu/virtiofsd; do
    [[ ! -x $path ]] || { printf '%s\n' "$path" && return; }
  done
}

missing_packages() {
  command -v qemu-system-x86_64 >/dev/null || echo qemu-system-x86
  command -v cpio >/dev/null || echo cpio
  command -v depmod >/dev/null || echo kmod
  command -v setpriv >/dev/null || echo util-linux
  [[ $(find_virtiofsd) ]] || ! known_package virtiofsd || echo virtiofsd
}

known_package() { [[ $(apt-cache --names-only search "^$1\$") ]]; }

# A fresh machine or container has no package lists at all.
update_lists() {
  known_package qemu-system-x86 || {
    say 'fetching package lists: apt-get update'
    apt-get update -qq >&2 || die 'apt-get update failed'
  }
}

install_packages() {
  export PATH=$PATH:/usr/sbin:/sbin
  local names
  mapfile -t names < <(missing_packages)
  if ((${#names[@]})); then
    update_lists
    mapfile -t names < <(missing_packages)
    say "installing packages: apt-get install --no-install-recommends ${names[*]}"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${names[@]}" >"$cache/install.log" 2>&1 ||
      die "installing packages failed: $(tail -n 5 "$cache/install.log")"
  fi
  virtiofsd=$(find_virtiofsd)
  [[ $virtiofsd ]] || die 'no virtiofsd found'
}

# unpack PACKAGE DIR: fetch a package and unpack it there, without installing it.
unpack() {
  local package=$1 into=$2 fetched
  fetched=$(mktemp -d "$cache/new/fetch.XXXXXX")
  # The archive's fetching user may not be allowed in here, which only draws a warning: fetch as root at once.
  (cd "$fetched" && apt-get -qq -o APT::Sandbox::User=root download "$package") >&2 || die "cannot fetch package $package"
  dpkg -x "$fetched"/*.deb "$into"
  rm -rf "$fetched"
}
