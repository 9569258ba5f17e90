# The guest's kernel and its initial RAM disk, kept in the cache.
# shellcheck shell=bash disable=SC2154  # the entry script sets the options and folders

# Sets release, vmlinuz, modules (a folder that holds the release's own folder) and initrd.
find_kernel() {
  local tree name=${kernel:-default}
  if [[ $kernel == */* ]]; then
    tree=$(readlink -f "$kernel") || die "--kernel: no file $kernel"
    [[ -d $tree ]] || tree=$(dirname "$(dirname "$tree")")
  else
    [[ $name =~ ^[0-9a-z][0-9a-z.+~-]*$ ]] || die "--kernel: '$name' is neither a version nor a path"
    tree=$cache/kernel-$name
    [[ -d $tree ]] || locked fetch_kernel "$name" "$tree"
  fi
  read_tree "$tree"
  # The images are named after their kernel and made of nothing that changes, so an old one is never stale.
  initrd=$cache/initrd-$(sha256sum <<<"$tree $release" | cut -c1-12).cpio
  [[ -f $initrd ]] || locked build_initrd "$initrd"
}

read_tree() {
  local found
  if [[ -f $kernel ]]; then
    vmlinuz=$(readlink -f "$kernel")
  else
    found=("$1"/boot/vmlinuz-*)
    vmlinuz=${found[0]}
  fi
  [[ -f $vmlinuz ]] || die "no boot/vmlinuz-* in $1"
  release=${vmlinuz##*/vmlinuz-}
  modules=$1/lib/modules
  [[ -d $modules ]] || modules=$1/usr/lib/modules
  [[ -f $modules/$release/modules.dep ]] || die "no modules for $release in $1"
}

# locked COMMAND: one process at a time writes to the cache, so that first runs do not repeat each other's work.
locked() {
  local lock
  exec {lock}>"$cache/lock"
  flock "$lock"
  # Everything is made in here and moved to its place when complete; what is in here now was given up half-way.
  rm -rf "$cache/new"
  mkdir "$cache/new"
  "$@"
  rm -rf "$cache/new"
  exec {lock}>&-
}

# Names the package of the image for a version, or for whatever this distribution runs in the cloud.
image_package() {
  local version=$1 meta metas name
  case $version in
    default) metas=(linux-image-cloud-amd64 linux-image-virtual linux-image-generic linux-image-amd64) ;;
    *) metas=("linux-image-$version-cloud-amd64" "linux-image-$version-generic" linux-image-cloud-amd64
      linux-image-virtual "linux-image-virtual-hwe-$(. /etc/os-release && echo "$VERSION_ID")") ;;
  esac
  [[ $version != default ]] || version=
  for meta in "${metas[@]}"; do
    name=$(apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    [[ ! $name || $name != "linux-image-$version"[.-]* && $version ]] || { echo "$name" && return; }
  done
  apt-cache --names-only search "^linux-image-${version//./\\.}[.-].*(-cloud-amd64|-generic)\$" |
    cut -d' ' -f1 | sort -V | tail -n 1
}

fetch_kernel() {
  local version=$1 final=$2 tree package part
  [[ ! -d $final ]] || return 0
  package=$(image_package "$version")
  if [[ ! $package ]]; then
    update_lists
    package=$(image_package "$version")
  fi
  [[ $package ]] || die "no package with kernel $version"
  say "fetching $package into $cache"
  tree=$(mktemp -d "$cache/new/kernel.XXXXXX")
  unpack "$package" "$tree"
  # Ubuntu keeps the modules in packages beside the image.
  for part in modules modules-extra; do
    part=${package/linux-image-/linux-$part-}
    ! known_package "${part//./\\.}" || unpack "$part" "$tree"
  done
  index_modules "$tree"
  mv -T "$tree" "$final"
}

index_modules() {
  local root=$1 release
  # depmod looks in lib/modules alone, where newer packages no longer put them.
  [[ -d $root/lib/modules ]] || ln -s usr/lib "$root/lib"
  release=$(basename "$root"/lib/modules/*)
  depmod -b "$root" "$release"
  chmod 755 "$root"
}

# The image holds what mounting the guest's root takes: busybox and the modules of virtio, virtiofs and overlay.
build_initrd() {
  local final=$1 tree file number=0 name
  [[ ! -f $final ]] || return 0
  tree=$(mktemp -d "$cache/new/initrd.XXXXXX")
  mkdir -p "$tree"/{bin,dev,proc,sys,modules,lower,extra,upper,newroot}
  unpack busybox-static "$tree/package"
  mv "$(find "$tree/package" -path '*/bin/busybox')" "$tree/bin/busybox"
  rm -rf "$tree/package"
  for name in sh mount insmod mkdir ln cp chmod cat ip sleep switch_root; do ln -s busybox "$tree/bin/$name"; done
  while read -r file; do
    number=$((number + 1))
    name=$(basename "${file%.ko*}").ko
    expand "$file" >"$tree/modules/$(printf %02d "$number")-$name"
  done < <(boot_modules)
  (cd "$tree" && find . -print0 | sort -z | cpio --quiet -0 -o -H newc -R 0:0) >"$tree.cpio"
  mv -T "$tree.cpio" "$final"
  rm -rf "$tree"
}

# Lists the module files in the order in which they can be loaded; parts built into the kernel have none.
boot_modules() {
  local name
  for name in virtio_pci virtio_console virtiofs overlay; do
    modprobe -d "${modules%/lib/modules}" -S "$release" --show-depends "$name"
  done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# Newer distributions compress modules.
expand() {
  case $1 in
    *.xz) xz -dc "$1" ;;
    *.zst) zstd -dc "$1" ;;
    *) cat "$1" ;;
  esac
}
