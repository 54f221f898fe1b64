# shellcheck shell=bash
# Getting Percona Toolkit, the peer to measure against: Debian sid's package,
# unpacked beside the system with the perl it is made for, as scripts/servers
# does with the servers. Nothing is installed and root is not needed.
# Sourced by scripts/bench, which sets REPO_DIR, SERVERS_DIR, DIST_DIR and the
# helpers say, die, require_tools and take_lock.

# shellcheck source=scripts/lib/servers-fetch.sh
source "$REPO_DIR/scripts/lib/servers-fetch.sh"

kind_suite() { echo sid; }

# What the package asks for and pt-online-schema-change does not run.
toolkit_without=(debconf fdisk gdb procps ucf)

# fetch_toolkit: the program is $DIST_DIR/percona-toolkit/pt-online-schema-change.
fetch_toolkit() {
  local dist=$DIST_DIR/percona-toolkit
  if [[ -e $dist/VERSION ]]; then return; fi
  mkdir -p "$DIST_DIR"
  (
    take_lock "$DIST_DIR/.percona-toolkit.lock" "another fetch of Percona Toolkit"
    if [[ -e $dist/VERSION ]]; then exit 0; fi # it came while we waited
    require_tools apt-get dpkg dpkg-deb tar awk
    local cache=$SERVERS_DIR/cache/percona-toolkit new=$DIST_DIR/.percona-toolkit.new package version
    rm -rf "$new" "$dist" # left by a killed run, or of no use
    trap 'rm -rf "$new"' EXIT
    trap 'exit 130' INT TERM HUP
    write_apt_config "$cache" percona-toolkit
    for package in "${toolkit_without[@]}"; do
      printf '%s\n' "Package: $package" "Status: install ok installed" "Architecture: $(dpkg --print-architecture)" \
        "Multi-Arch: allowed" "Maintainer: nobody" "Version: 99:99" "Description: stand-in" ""
    done >"$cache/state/status"
    quiet_apt "$cache" update || die "cannot read the package list of Debian sid."
    quiet_apt "$cache" autoclean
    say "fetching Percona Toolkit and its perl into ${dist#"$REPO_DIR"/}"
    quiet_apt "$cache" install --download-only percona-toolkit perl || die "the download of Percona Toolkit stopped."
    unpack_debs "$cache/cache/archives" "$new" || die "cannot unpack Percona Toolkit into $new."
    version=$(basename "$(compgen -G "$cache/cache/archives/percona-toolkit_*.deb")")
    version=${version#*_}
    toolkit_wrapper "$dist" "$new" >"$new/pt-online-schema-change"
    chmod +x "$new/pt-online-schema-change"
    echo "${version%_*}" >"$new/VERSION"
    mv -T "$new" "$dist"
    rm -rf "$cache"
    say "fetched Percona Toolkit $(<"$dist/VERSION")"
  )
}

# toolkit_wrapper DIST UNPACKED: runs the program with that folder's own loader,
# libraries and perl modules.
toolkit_wrapper() {
  local dist=$1 new=$2 libc folder modules=
  libc=$(compgen -G "$new/usr/lib/*-linux-gnu*/libc.so.6") || return
  local lib=$dist/${libc#"$new"/}
  lib=${lib%/*}
  for folder in "$new"/usr/lib/*-linux-gnu*/perl5/5* "$new/usr/share/perl5" "$new"/usr/lib/*-linux-gnu*/perl/5* \
    "$new"/usr/share/perl/5* "$new"/usr/lib/*-linux-gnu*/perl-base; do
    if [[ -d $folder ]]; then modules+=:$dist/${folder#"$new"/}; fi
  done
  cat <<WRAPPER
#!/bin/sh
export PERL5LIB='${modules#:}' MARIADB_PLUGIN_DIR='$lib/libmariadb3/plugin' LC_ALL=C
exec '$lib/$(basename "$(dist_loader_of "${libc%/*}")")' --library-path '$lib' '$dist/usr/bin/perl' \\
  '$dist/usr/bin/pt-online-schema-change' "\$@"
WRAPPER
}

dist_loader_of() { compgen -G "$1/ld-linux*.so.*" | head -n 1; }
