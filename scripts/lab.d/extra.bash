# Packages that only the guest sees: a layer of files between the host's and the guest's own.
# shellcheck shell=bash disable=SC2154,SC2034  # the entry script sets the options and folders

# Sets extra, the folder with the layer, or nothing.
find_extra() {
  local here_too
  extra=''
  ((${#extras[@]})) || return 0
  mapfile -t extras < <(printf '%s\n' "${extras[@]}" | sort -u)
  # What is installed here needs no copy in the layer; when that changes, so does the layer.
  here_too=$(dpkg-query -W -f '${Package} ${Version} ${Status}\n' "${extras[@]}" 2>/dev/null || true)
  extra=$cache/extra-$(sha256sum <<<"${extras[*]} $here_too" | cut -c1-12)
  [[ -d $extra ]] || locked fetch_extra "$extra"
}

# apt works out which dependencies this machine lacks; it downloads and we unpack, so nothing is configured or started.
fetch_extra() {
  local final=$1 layer=$cache/new/layer archives=$cache/new/archives package
  [[ ! -d $final ]] || return 0
  mkdir -p "$layer" "$archives/partial"
  update_lists
  say "fetching ${extras[*]} for the guest"
  apt-get install -qq -y --download-only --no-install-recommends -o Debug::NoLocking=1 -o APT::Sandbox::User=root \
    -o "Dir::Cache::archives=$archives" "${extras[@]}" >"$cache/install.log" 2>&1 ||
    die "fetching packages failed: $(tail -n 5 "$cache/install.log")"
  for package in "$archives"/*.deb; do
    [[ ! -f $package ]] || dpkg -x "$package" "$layer"
  done
  fold "$layer"
  for package in "$archives"/*.deb; do
    [[ ! -f $package ]] || alternatives "$package" "$layer"
  done
  chmod 755 "$layer"
  mv -T "$layer" "$final"
}

# A folder /lib in the layer would hide this machine's link /lib -> usr/lib, and with it every program's loader.
fold() {
  local layer=$1 name
  for name in bin sbin lib lib32 lib64; do
    [[ -d $layer/$name && -L /$name ]] || continue
    mkdir -p "$layer/usr/$name"
    cp -a "$layer/$name/." "$layer/usr/$name/"
    rm -r "${layer:?}/$name"
  done
}

# Makes the links which a package's installation would have made: the last of several choices wins, as the
# scripts of the packages at hand list the preferred one last.
alternatives() {
  local package=$1 layer=$2 link path
  while read -r _ link _ path; do
    [[ -e $layer$path && ! -e $link ]] || continue
    mkdir -p "$layer$(dirname "$link")"
    ln -sf "$path" "$layer$link"
  done < <(dpkg-deb --ctrl-tarfile "$package" | tar -xOf - ./postinst 2>/dev/null |
    sed -e ':join' -e '/\\$/{N;s/\\\n//;b join' -e '}' | grep -oE -- '--(install|slave)( +/?[A-Za-z0-9/._+-]+){3}')
}
