# Packages that only the guest sees: a layer of files between the host's and the guest's own.
# shellcheck shell=bash disable=SC2154,SC2034  # the entry script sets the options and folders

# Sets extra, the folder with the layer, or nothing.
find_extra() {
  extra=''
  ((!${#extras[@]})) || die '--extra is not there yet'
}
