#!/usr/bin/env bash
# Measures ours beside what people use instead, in one run, and prints a table. It needs no account and no network.
#   ./tests/bench.sh [--quick] [--svg FILE]
# Built is what install.sh installs. What is not installed here is listed as such; a keychain is had from gnome-keyring.
set -euo pipefail

main() {
    arguments=()
    while [ $# -gt 0 ]; do
        case $1 in
            --quick) arguments+=(--quick) ;;
            --svg) arguments+=(--svg "$(absolute "${2:-}")") || exit; shift ;;
            -h | --help) echo "usage: ./tests/bench.sh [--quick] [--svg FILE]"; exit 0 ;;
            *) refuse ;;
        esac
        shift
    done
    cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
    scratch=$(mktemp -d)
    trap 'rm -rf -- "$scratch"' EXIT

    build
    if have gnome-keyring-daemon dbus-daemon dbus-send secret-tool; then
        measure=(tests/servers/with-keyring.sh "$scratch/bench")
    else
        measure=("$scratch/bench")
    fi
    # What a session bus of the user's own holds is not ours to write to.
    env -u DBUS_SESSION_BUS_ADDRESS "PATH=$(peers_path)" "${measure[@]}" --bin "$scratch/bin" "${arguments[@]}"
}

build() {
    echo "building what install.sh installs …"
    ./install.sh --prefix "$scratch" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; die "install.sh failed"; }
    cargo build --quiet --package claude-credential-bench --release --locked
    cp -- "$(target_directory)/release/claude-credential-bench" "$scratch/bench"
    # The least that a process can be; without a static C library its row is left out.
    echo 'int main(void) { return 0; }' | cc -O2 -static -x c -o "$scratch/bin/empty" - 2>/dev/null || true
}

# The AWS client that tests/run.sh installs, where there is one.
peers_path() {
    local venv
    venv=$(target_directory)/test-servers/clouds/bin
    if [ -x "$venv/aws" ]; then echo "$PATH:$venv"; else echo "$PATH"; fi
}

target_directory() {
    cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

absolute() {
    case $1 in
        "") refuse ;;
        /*) echo "$1" ;;
        *) echo "$PWD/$1" ;;
    esac
}

have() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || return 1
    done
}

refuse() {
    echo "usage: ./tests/bench.sh [--quick] [--svg FILE]" >&2
    exit 2
}

die() {
    echo "bench.sh: $1" >&2
    exit 1
}

main "$@"
