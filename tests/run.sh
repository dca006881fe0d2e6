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

# --- tools ---------------------------------------------------------------------------------------------------------

# Tool, Debian package, and what goes untested without it.
tools() {
    cat <<'TOOLS'
gnome-keyring-daemon gnome-keyring the OS keychain
dbus-daemon dbus the OS keychain
dbus-send dbus the OS keychain
git git calls by real git
curl curl the README's pipelines
strace strace the gate on system calls
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
