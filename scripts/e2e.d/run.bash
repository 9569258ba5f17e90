# What scripts/e2e and scripts/demo share: building the programs and finding a kernel with ip_vs.
# shellcheck shell=bash

build_e2e() {
  if [[ -x scripts/setup ]]; then scripts/setup demo; fi
  # shellcheck source-path=SCRIPTDIR
  . scripts/setup.d/env
  mkdir -p dist/e2e
  node_modules/.bin/esbuild main=test/e2e/main.ts demo=test/e2e/demo/main.ts asker=test/e2e/names/asker.ts --bundle --platform=node --target=node20 --format=esm \
    --sourcemap --outdir=dist/e2e --log-level=warning
  local peer=test/e2e/support/peer.c
  [[ dist/e2e/peer -nt $peer ]] || cc -std=gnu11 -O2 -Wall -Wextra -o dist/e2e/peer "$peer"
  # The demonstration does without; the case that runs it says when it is missing.
  local resolve=test/e2e/support/resolve.c
  [[ dist/e2e/resolve -nt $resolve ]] || ! command -v musl-gcc >/dev/null ||
    musl-gcc -static -std=gnu11 -O2 -Wall -Wextra -o dist/e2e/resolve "$resolve"
}

# Programs beside meshd, as PROGRAM:PACKAGE.
e2e_programs=(ip:iproute2 ipvsadm:ipvsadm nft:nftables wrk:wrk sysctl:procps setpriv:util-linux dig:bind9-dnsutils)

# can_run_here: root, ip_vs and the programs are on this machine. Otherwise prints what is missing.
can_run_here() {
  ((EUID == 0)) || { echo 'root is needed for network namespaces' && return 1; }
  modprobe -q ip_vs 2>/dev/null || [[ -e /proc/net/ip_vs ]] ||
    { echo "this machine's kernel ($(uname -r)) has no ip_vs" && return 1; }
  local pair
  for pair in "${e2e_programs[@]}"; do
    command -v "${pair%:*}" >/dev/null || { echo "${pair#*:} is not installed" && return 1; }
  done
}

# What scripts/lab is to be given beside the packages.
lab_options=()

# where_ipvs_is COMMAND...: runs the command here, or in the laboratory.
where_ipvs_is() {
  local reason pair packages=()
  if reason=$(can_run_here); then
    "$@"
    return
  fi
  echo "# $reason: using a guest with a kernel of its own (scripts/lab)"
  for pair in "${e2e_programs[@]}"; do packages+=(--extra "${pair#*:}"); done
  scripts/lab "${lab_options[@]}" "${packages[@]}" -- "$@"
}

# with_nftables COMMAND...: runs the command here, where meshd balances by nftables.
with_nftables() {
  ((EUID == 0)) || { echo 'root is needed for network namespaces' >&2 && return 1; }
  MESHD_E2E_DATA_PATH=nftables "$@"
}
