#!/usr/bin/env bash
# with-keyring.sh COMMAND…
# Runs COMMAND under a session bus of its own, with a gnome-keyring of its own and an empty HOME; leaves nothing behind.
#   (nothing set)      the login collection is there and unlocked, as on a desktop after signing in
#   KEYRING_LOCKED=1   it is there and locked, and nobody can answer the prompt
#   KEYRING_NONE=1     the daemon answers, but there is no login collection, as on a server after its first ssh
# Exits with 86, and shows the daemon's log, if the keyring's daemon crashed while COMMAND ran: what failed then says nothing.
# Needs the Debian packages gnome-keyring and dbus. Works as root, without a display.
set -euo pipefail

main() {
    [ $# -gt 0 ] || die "usage: with-keyring.sh COMMAND…"
    for tool in dbus-daemon dbus-send gnome-keyring-daemon; do
        command -v "$tool" >/dev/null || die "no $tool; on Debian: apt-get install dbus gnome-keyring"
    done

    keep_the_toolchain
    use_an_empty_home
    start_bus
    start_keyring
    [ "${KEYRING_LOCKED:-0}" != 1 ] || lock_login_collection
    local status=0
    "$@" || status=$?
    kill -0 "$keyring" 2>/dev/null || status=86
    [ "$status" != 86 ] || cat "$home/keyring.log" >&2
    return "$status"
}

# rustup and cargo look under HOME, unless told.
keep_the_toolchain() {
    [ -n "${HOME:-}" ] || return 0
    export CARGO_HOME="${CARGO_HOME:-$HOME/.cargo}" RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
}

use_an_empty_home() {
    daemons=()
    HOME=$(mktemp -d "${TMPDIR:-/tmp}/keyring.XXXXXX")
    home=$HOME
    trap clean_up EXIT
    # A signal to this script alone waits for COMMAND, lest it lose its HOME while it runs; Ctrl-C reaches both.
    trap 'exit 130' INT
    trap 'exit 143' TERM

    export HOME XDG_RUNTIME_DIR=$HOME/run
    mkdir -m 700 "$XDG_RUNTIME_DIR"
    # The caller's folders and desktop must be neither read nor written. TMPDIR stays: it is the caller's choice.
    unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_CACHE_HOME
    unset DISPLAY WAYLAND_DISPLAY GNOME_KEYRING_CONTROL
}

start_bus() {
    export DBUS_SESSION_BUS_ADDRESS=unix:path=$XDG_RUNTIME_DIR/bus
    dbus-daemon --session --nofork --nopidfile --address="$DBUS_SESSION_BUS_ADDRESS" \
        </dev/null >"$home/bus.log" 2>&1 &
    daemons+=($!)
    wait_for org.freedesktop.DBus "$home/bus.log"
}

start_keyring() {
    local options=(--foreground --components=secrets)
    # --unlock reads the password up to the end of stdin, and makes the login collection with it where there is none.
    [ "${KEYRING_NONE:-0}" = 1 ] || options+=(--unlock)
    # Not an empty password: gnome-keyring unlocks such a collection by itself, so it could not be locked.
    gnome-keyring-daemon "${options[@]}" <<<"made-up" >"$home/keyring.log" 2>&1 &
    keyring=$!
    daemons+=("$keyring")
    wait_for org.freedesktop.secrets "$home/keyring.log"
}

wait_for() {
    local name=$1 log=$2 tries answer
    for ((tries = 0; tries < 200; tries++)); do
        answer=$(call org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner "string:$name" 2>/dev/null) || true
        [[ $answer != *true* ]] || return 0
        sleep 0.05
    done
    cat "$log" >&2
    die "$name did not appear on the bus within 10 s"
}

lock_login_collection() {
    local locked
    locked=$(call org.freedesktop.secrets /org/freedesktop/secrets org.freedesktop.Secret.Service.Lock \
        array:objpath:/org/freedesktop/secrets/collection/login)
    [[ $locked == */collection/login* ]] || die "the login collection could not be locked"
}

call() {
    local to=$1 object=$2
    shift 2
    dbus-send --session --print-reply --dest="$to" "$object" "$@"
}

clean_up() {
    kill "${daemons[@]}" 2>/dev/null || true
    wait "${daemons[@]}" 2>/dev/null || true
    rm -rf -- "$home"
}

die() {
    echo "with-keyring.sh: $1" >&2
    exit 1
}

main "$@"
