# Shared by all scripts here; sourced, not run.
# Settings (environment):
#   WORK      work directory, everything lands below it (required)
#   CACHE     downloaded .debs and apt lists; keep it between runs   [$WORK/cache]
#   MIRROR    Debian mirror                          [the one in this host's apt configuration]
#   CROSS_SUITE suite that has swiftlang for amd64 and arm64         [sid]
#   TARGET_SUITE suite the appliance's userland and kernel come from [trixie]
#   HEAVY     prefix for the CPU-heavy commands, for example "nice -n 10"
: "${WORK:?set WORK to a work directory}"
mkdir -p "$WORK"; WORK=$(cd "$WORK" && pwd)
CACHE=${CACHE:-$WORK/cache}; mkdir -p "$CACHE"; CACHE=$(cd "$CACHE" && pwd)
CROSS_SUITE=${CROSS_SUITE:-sid} TARGET_SUITE=${TARGET_SUITE:-trixie}
HEAVY=${HEAVY:-}
TRIPLE=aarch64-unknown-linux-gnu MULTIARCH=aarch64-linux-gnu
CHROOT=$WORK/chroot SDK=$WORK/sdk
SYSROOT=$SDK/swift-debian-arm64.artifactbundle/debian-arm64/$TRIPLE/sysroot

die() { echo "error: $*" >&2; exit 1; }
step() { _n=$1; shift; _s=$(date +%s); echo "== $_n"; "$@"; echo "   $_n: $(( $(date +%s) - _s )) s"; }

# Debian mirror of this host: the main archive, not the security or third-party ones
mirror() {
  [ -z "${MIRROR:-}" ] || { echo "$MIRROR"; return; }
  _m=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sort -u | sed -n 1p)
  [ "$_m" ] || die "no Debian mirror known to apt: run 'apt-get update' once, or set MIRROR"
  echo "${_m%/}"; }

# apt for one suite and architecture with its own state: neither reads nor changes the host's packages.
# Lists are refreshed when older than a day, or with REFRESH=1.
apt_for() { # SUITE ARCH -> sets APTC
  _st=$CACHE/apt/$1-$2${COMPONENTS:+-more}; APTC=$_st/apt.conf
  mkdir -p "$_st/lists/partial" "$CACHE/debs/$1-$2/partial"; : > "$_st/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg arch=$2] $(mirror) $1 ${COMPONENTS:-main}" > "$_st/sources.list"
  cat > "$APTC" <<C
Dir::Etc::sourcelist "$_st/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::State "$_st"; Dir::State::lists "$_st/lists"; Dir::State::status "$_st/status"; Dir::Cache "$_st"; Dir::Cache::archives "$CACHE/debs/$1-$2";
APT::Architecture "$2"; APT::Architectures { "$2"; }; APT::Install-Recommends "false"; APT::Sandbox::User "root"; Debug::NoLocking "1";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
C
  if [ "${REFRESH:-}" ] || [ -z "$(find "$_st/lists" -maxdepth 1 -name '*Packages*' -mtime -1 2>/dev/null)" ]; then
    apt-get -c "$APTC" -qq update || die "apt-get update for $1 $2 failed"; touch "$_st"/lists/*Packages*; fi; }

candidate() { # SUITE ARCH PACKAGE -> version that apt would install now
  apt_for "$1" "$2"; apt-cache -c "$APTC" policy "$3" | sed -n 's/^ *Candidate: //p' | grep -v none || :; }

# Fetch packages with all their dependencies; leaves exactly that set (hard links to the cache) in DIR.
fetch() { # SUITE ARCH DIR PACKAGE...
  fs=$1 fa=$2 fd=$3; shift 3; apt_for "$fs" "$fa"
  rm -rf "$fd"; mkdir -p "$fd"
  apt-get -c "$APTC" -qq -y --download-only install "$@" >/dev/null || die "cannot fetch $* ($fs $fa)"
  apt-get -c "$APTC" -s -qq install "$@" | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*\[\(.*\)\]).*/\1 \2 \3/p' > "$fd/SET"
  while read -r _p _v _a; do
    f=$CACHE/debs/$fs-$fa/${_p%%:*}_$(echo "$_v" | sed 's/:/%3a/g')_$_a.deb
    ln -f "$f" "$fd/" 2>/dev/null || cp "$f" "$fd/"; done < "$fd/SET"; }

# Fetch exactly the named packages, without dependencies
fetch_only() { # SUITE ARCH DIR PACKAGE[=VERSION]...
  fs=$1 fa=$2 fd=$3; shift 3; apt_for "$fs" "$fa"; mkdir -p "$fd"
  (cd "$CACHE/debs/$fs-$fa" && apt-get -c "$APTC" -qq download "$@") || die "cannot fetch $* ($fs $fa)"
  for q in "$@"; do _p=${q%%=*}; _v=${q#*=}; [ "$_v" != "$q" ] || _v=$(candidate "$fs" "$fa" "$_p")
    f=$(ls "$CACHE/debs/$fs-$fa/${_p}_$(echo "$_v" | sed 's/:/%3a/g')"_*.deb); ln -f "$f" "$fd/" 2>/dev/null || cp "$f" "$fd/"; done; }

unpack() { # DIR DEB...   package contents only, no maintainer scripts
  ud=$1; shift; mkdir -p "$ud/usr/bin" "$ud/usr/sbin" "$ud/usr/lib"
  for d in bin sbin lib; do [ -e "$ud/$d" ] || ln -s usr/$d "$ud/$d"; done
  for f in "$@"; do dpkg-deb --fsys-tarfile "$f" | tar -x -C "$ud" --keep-directory-symlink ${UNPACK_OPTS:-}; done; }
