# shellcheck shell=bash
# Getting the server binaries: Debian packages, unpacked into a folder of our
# own. Nothing is installed on the system and root is not needed: apt works with
# its own state, sources and cache below $SERVERS_DIR/cache/KIND.
# Sourced by scripts/servers, which sets SERVERS_DIR, DIST_DIR and the helpers.

# Which Debian suite and packages a kind comes from.
kind_suite() {
  case $1 in
    mariadb-10.11) echo bookworm ;;
    mariadb-11.8) echo trixie ;;
    mysql-9.7) echo sid ;;
  esac
}

kind_flavor() { echo "${1%%-*}"; } # mariadb or mysql

kind_title() {
  case $1 in
    mariadb-*) echo "MariaDB ${1#mariadb-}" ;;
    mysql-*) echo "MySQL ${1#mysql-}" ;;
  esac
}

# The Debian mirror this system itself uses. apt is asked what it would download,
# so one-line and deb822 sources both work, also before any `apt-get update`.
debian_mirror() {
  if [[ -n ${REPLANK_DEBIAN_MIRROR:-} ]]; then
    echo "$REPLANK_DEBIAN_MIRROR"
    return
  fi
  local uri
  # Third-party archives may use Debian's suite names too, but have no "-updates"
  # suites; the security archive does not hold all of a suite's packages.
  uri=$(apt-get --print-uris update 2>/dev/null | awk -F"'" '
    match($2, /\/dists\/[a-z]+(-updates)?\/main\/binary-/) {
      base = substr($2, 1, RSTART - 1)
      suite = substr($2, RSTART)
      if (base !~ /debian/ || base ~ /security/) next
      if (suite ~ /^\/dists\/[a-z]+-updates\// && !best) best = base
      if (suite ~ /^\/dists\/(bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable)\// && !any) any = base
    }
    END { print best ? best : any }')
  [[ -n $uri ]] || die "no Debian mirror in this system's apt sources." \
    "Set REPLANK_DEBIAN_MIRROR to the address of one (the folder that holds 'dists' and 'pool'), or use docker-compose.yml."
  echo "$uri"
}

debian_keyring() {
  local file
  for file in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
    if [[ -r $file ]]; then
      echo "$file"
      return
    fi
  done
  die "Debian's archive keys are missing, so its packages cannot be verified." \
    "Install them: apt-get install debian-archive-keyring"
}

# Writes the apt configuration of one kind into $1.
write_apt_config() {
  local dir=$1 kind=$2 mirror keyring
  mirror=$(debian_mirror)
  keyring=$(debian_keyring)
  mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial" "$dir/preferences.d"
  echo "deb [arch=$(dpkg --print-architecture) signed-by=$keyring] $mirror $(kind_suite "$kind") main" >"$dir/sources.list"
  # An empty status would mean "nothing is installed", so that every dependency
  # is fetched. perl is only for the packages' helper scripts: claim we have it.
  cat >"$dir/state/status" <<STATUS
Package: perl
Status: install ok installed
Architecture: $(dpkg --print-architecture)
Multi-Arch: allowed
Maintainer: nobody
Version: 99
Description: stand-in

STATUS
  cat >"$dir/apt.conf" <<CONF
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "$dir/preferences";
Dir::Etc::preferencesparts "$dir/preferences.d";
Dir::State "$dir/state";
Dir::State::status "$dir/state/status";
Dir::Cache "$dir/cache";
Dir::Log "$dir";
APT::Install-Recommends "false";
APT::Default-Release "";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear DPkg::Pre-Install-Pkgs;
CONF
}

# Runs apt-get with that configuration; shows its output only when it fails.
quiet_apt() {
  local dir=$1
  shift
  if ! APT_CONFIG="$dir/apt.conf" LC_ALL=C apt-get -y "$@" >"$dir/apt.log" 2>&1; then
    grep -E '^(E|W|Err):? ?' "$dir/apt.log" | tail -n 6 >&2 || tail -n 6 "$dir/apt.log" >&2
    return 1
  fi
}

unpack_debs() {
  local from=$1 into=$2 dir deb
  # Each step says "return": `set -e` does not hold where the caller tests us.
  for dir in bin sbin lib lib64; do
    mkdir -p "$into/usr/$dir" || return
    # Packages older than the merged /usr still ship files in /lib and /bin.
    ln -s "usr/$dir" "$into/$dir" || return
  done
  for deb in "$from"/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$into" --keep-directory-symlink --no-same-owner || return
  done
  rm -rf "${into:?}"/usr/share/{doc,man,locale,info,lintian} "${into:?}"/{etc,var}
}

fetch_kind() {
  local kind=$1
  if [[ -e $DIST_DIR/$kind/VERSION ]]; then
    return
  fi
  mkdir -p "$DIST_DIR"
  # In a subshell: the lock and the trap end with it.
  (
    take_lock "$DIST_DIR/.$kind.lock" "another fetch of $kind"
    if [[ -e $DIST_DIR/$kind/VERSION ]]; then # it came while we waited
      exit 0
    fi
    require_tools apt-get dpkg dpkg-deb tar awk
    local cache=$SERVERS_DIR/cache/$kind new=$DIST_DIR/.$kind.new flavor title size version
    flavor=$(kind_flavor "$kind")
    title=$(kind_title "$kind")
    rm -rf "$new" "$DIST_DIR/${kind:?}" # left by a killed run, or of no use
    trap 'rm -rf "$new"' EXIT
    trap 'exit 130' INT TERM HUP
    # The cache stays after a failure, so that the next try resumes it.
    write_apt_config "$cache" "$kind"
    quiet_apt "$cache" update ||
      die "cannot read the package list of Debian $(kind_suite "$kind") for $title." \
        "Check the network and the mirror (REPLANK_DEBIAN_MIRROR overrides it), then run: scripts/servers fetch $kind"
    quiet_apt "$cache" autoclean # drops what an earlier try got, if the suite has moved on since
    local -a packages=("$flavor-server-core" "$flavor-client-core")
    size=$(APT_CONFIG="$cache/apt.conf" apt-get -y -qq --print-uris install "${packages[@]}" |
      awk '/^\x27/ { sum += $3 } END { printf "%d", sum / 1048576 + 0.5 }') ||
      die "the suite $(kind_suite "$kind") has no ${packages[*]}." "Use docker-compose.yml for $title."
    say "fetching $title server ($size MiB) into ${DIST_DIR#"$REPO_DIR"/}/$kind"
    quiet_apt "$cache" install --download-only "${packages[@]}" ||
      die "the download of $title stopped." "Nothing was unpacked; what came is kept. Run again: scripts/servers fetch $kind"
    unpack_debs "$cache/cache/archives" "$new" ||
      die "cannot unpack $title into $new." "Is the disk full? Free some space and run: scripts/servers fetch $kind"
    version=$(basename "$(compgen -G "$cache/cache/archives/$flavor-server-core_*.deb")")
    version=${version#*_} version=${version%_*} version=${version//%3a/:}
    echo "${version#*:}" >"$new/VERSION"
    mv -T "$new" "$DIST_DIR/$kind"
    rm -rf "$cache"
    say "fetched $title: $(<"$DIST_DIR/$kind/VERSION")"
  )
}
