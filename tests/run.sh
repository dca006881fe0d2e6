#!/usr/bin/env bash
# Runs all tests, the ones against real servers included, and installs what they need where it is missing.
#   ./tests/run.sh [--long]     --long adds what takes minutes
# What cannot run here is printed as SKIPPED with its reason; with CI set, that is a failure.
set -euo pipefail

main() {
    read_arguments "$@"
    cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
    cargo --version >/dev/null 2>&1 || die "cargo does not run; install Rust: https://www.rust-lang.org/tools/install"

    install_tools
    # cargo test does not build the executables of other packages, and it is they that the tests start.
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
    test_aws
    test_google
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
    step "keychain, $kind" env "CLAUDE_CREDENTIAL_TEST_KEYRING=$kind" "$@" tests/servers/with-keyring.sh \
        cargo test -p claude-credential-tests --locked --test keychain -- --ignored
}

# --- OAuth: a certified provider, a browser, a keychain --------------------------------------------------------------

test_oauth() {
    local servers tests=(cargo test -p claude-credential-tests --locked --test oauth certified:: -- --ignored)
    install_oauth_servers || return 0
    if ! have chromium chromedriver; then
        skip "sign-in in a browser" "no chromium or chromedriver; on Debian: apt-get install chromium chromium-driver"
        # The tests that open one; the rest needs none.
        tests+=(--skip chromium --skip device)
    fi
    export CLAUDE_CREDENTIAL_TEST_SERVERS=$servers
    step "oauth, tokens in a file" "${tests[@]}"
    if ! have gnome-keyring-daemon dbus-daemon dbus-send; then
        skip "OAuth tokens in the OS keychain" "no gnome-keyring or dbus"
        return
    fi
    step "oauth, tokens in the keychain" env CLAUDE_CREDENTIAL_TEST_KEYRING=unlocked \
        tests/servers/with-keyring.sh "${tests[@]}"
    step "oauth, killed while tokens go to the keychain" env CLAUDE_CREDENTIAL_TEST_KEYRING=unlocked \
        tests/servers/with-keyring.sh cargo test -p claude-credential-tests --locked --test oauth killed::
    step "oauth, the keychain locked" env CLAUDE_CREDENTIAL_TEST_KEYRING=locked KEYRING_LOCKED=1 \
        tests/servers/with-keyring.sh cargo test -p claude-credential-tests --locked --test oauth locked -- --ignored
}

# Puts the provider beside what npm installs for it, where cargo builds: nothing of it lands in the work tree. Sets
# `servers`; fails, and says why, where it can't be had.
install_oauth_servers() {
    local packages="" log
    have node npm || packages="nodejs npm"
    have chromium chromedriver || packages="$packages chromium chromium-driver"
    [ -z "$packages" ] || apt_install "$packages"
    if ! have node npm; then
        skip "the certified OpenID provider" "no node or npm; on Debian: apt-get install nodejs npm"
        return 1
    fi
    servers=$(servers_folder)
    cp tests/servers/{package.json,package-lock.json,oidc-provider.mjs,sign-in.mjs} "$servers"
    log=$servers/npm.log
    # Nothing of what is installed is run to install it.
    # Not by --prefix: that would be another place for npm's own settings, and a machine's proxy or CA is among those.
    if ! (cd "$servers" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1; then
        skip "the certified OpenID provider" "npm could not install it: $(tail -n 1 "$log")"
        return 1
    fi
    if ! (cd "$servers" && node --input-type=module -e "import 'oidc-provider'") >>"$log" 2>&1; then
        skip "the certified OpenID provider" "node $(node --version) can't run it: it needs 20 or later"
        return 1
    fi
}

# --- Clouds: moto, a fake of what it lacks, the clouds' own libraries, in a network of their own ----------------------

test_aws() {
    test_cloud AWS bedrock
}

test_google() {
    test_cloud Google vertex
}

test_cloud() {
    local cloud=$1 module=$2 venv
    if ! have ip unshare setpriv; then
        apt_install "iproute2 util-linux"
    fi
    # Never outside of it: there the real metadata address is asked.
    if ! tests/servers/in-namespace.sh true; then
        skip "$cloud" "no network namespace can be made here; it takes root or user namespaces, iproute2 and util-linux"
        return
    fi
    install_cloud_servers "$cloud" || return 0
    step "$cloud, in a network of its own" env "CLAUDE_CREDENTIAL_TEST_VENV=$venv" tests/servers/in-namespace.sh \
        cargo test -p claude-credential-tests --locked --no-fail-fast --test clouds "$module::" -- --ignored
}

# A venv beside the other servers, made anew when the requirements change. Sets `venv`; fails, and says why, where it
# can't be had.
install_cloud_servers() {
    local cloud=$1 requirements=tests/servers/requirements.txt log
    # Debian has the module that a venv needs in a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || apt_install "python3 python3-venv"
    venv=$(servers_folder)/python log=$venv.log
    if cmp -s "$requirements" "$venv/requirements.txt"; then
        return 0
    fi
    if ! python3 -m venv --clear "$venv" >"$log" 2>&1; then
        skip "$cloud" "no Python with venv; on Debian: apt-get install python3-venv"
        return 1
    fi
    if ! "$venv/bin/pip" install --disable-pip-version-check -r "$requirements" >>"$log" 2>&1; then
        skip "$cloud" "pip could not install moto and the clients: $(tail -n 1 "$log")"
        return 1
    fi
    # Last, so that half an installation is none.
    cp "$requirements" "$venv"
}

# Where the servers are installed: where cargo builds, so that nothing of them lands in the work tree.
servers_folder() {
    local target
    target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
    mkdir -p "$target/test-servers"
    echo "$target/test-servers"
}

# --- tools ---------------------------------------------------------------------------------------------------------

# Tool, Debian package, and what goes untested without it.
tools() {
    cat <<'TOOLS'
gnome-keyring-daemon gnome-keyring the OS keychain
dbus-daemon dbus the OS keychain
dbus-send dbus the OS keychain
git git calls by real git
curl curl the README's pipelines
strace strace the gates on system calls
valgrind valgrind the gates on instructions
fish fish completions and assignments for fish
script bsdutils prompts on a terminal
unshare util-linux a full disk and callers in other namespaces
TOOLS
}

install_tools() {
    local packages=""
    while read -r tool package _; do
        have "$tool" || [[ " $packages " == *" $package "* ]] || packages="$packages $package"
    done < <(tools)
    [ -z "$packages" ] || apt_install "$packages"
    while read -r tool _ what; do
        # The keychain's own function says it for its three tools.
        have "$tool" || [ "$what" = "the OS keychain" ] || skip "$what" "no $tool"
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
    if ! { apt-get update || true; apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
        echo "apt-get could not install all of them:"
        tail -n 5 "$log"
    fi
    rm -f "$log"
}

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
