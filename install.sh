#!/usr/bin/env bash
# Builds claude-credential and its helpers, installs them into PREFIX/bin, with completions and manual pages in
# PREFIX/share, and shows them working.
set -eu

usage="usage: ./install.sh [--prefix DIR] [--uninstall]    (DIR: ~/.local unless given; executables go to DIR/bin)"

main() {
    read_arguments "$@"
    CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
    bin=${prefix%/}/bin
    share=${prefix%/}/share
    if [ "$uninstall" = yes ]; then
        uninstall
    else
        install
    fi
}

install() {
    check_cargo
    scratch=$(mktemp -d)
    stage=
    trap 'rm -rf -- "$scratch" ${stage:+"$stage"}' EXIT
    check_c_compiler
    check_destination

    # Everything is built before anything is installed: interrupted until then, the old version stays as it was.
    host=$("${RUSTC:-rustc}" -vV | sed -n 's/^host: //p')
    built=$(target_directory)/$host/release
    failed=
    build_early claude-credential || die "claude-credential did not build; nothing was installed"
    names=claude-credential
    build_helpers

    put_in_place
    put_documents_in_place
    status=0
    show_it_working || status=$?
    [ -z "$failed" ] || die "did not build, and so not installed:$failed"
    exit "$status"
}

# --- what the user asked for ---------------------------------------------------------------------------------------

read_arguments() {
    prefix=
    uninstall=no
    while [ $# -gt 0 ]; do
        case $1 in
            --prefix) prefix=$(folder "${2:-}") || exit; shift ;;
            --prefix=*) prefix=$(folder "${1#--prefix=}") || exit ;;
            --uninstall) uninstall=yes ;;
            -h | --help) echo "$usage"; exit 0 ;;
            *) refuse "unknown option $1" ;;
        esac
        shift
    done
    if [ -z "$prefix" ]; then prefix=$(home)/.local; fi
}

folder() {
    case $1 in
        "") refuse "--prefix needs a folder" ;;
        /*) echo "$1" ;;
        *) echo "$PWD/$1" ;;
    esac
}

home() {
    case ${HOME:-} in
        /*) echo "${HOME%/}" ;;
        *) die "HOME is not set to an absolute path; set it, or say --prefix DIR" ;;
    esac
}

# --- what must be there first --------------------------------------------------------------------------------------

check_cargo() {
    minimum=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
    command -v cargo >/dev/null ||
        die "no cargo on PATH; install Rust $minimum or later: https://www.rust-lang.org/tools/install"
    version=$(cargo --version 2>/dev/null | sed -n 's/^cargo \([0-9.]*\).*/\1/p')
    [ -n "$version" ] || die "cargo is there but does not run; install a toolchain: rustup default stable"
    at_least "$version" "$minimum" ||
        die "cargo is $version, but $minimum or later is needed; update it: rustup update stable"
}

at_least() {
    local have need
    IFS=. read -r -a have <<<"$1"
    IFS=. read -r -a need <<<"$2"
    for i in 0 1 2; do
        if [ "${have[i]:-0}" -ne "${need[i]:-0}" ]; then
            [ "${have[i]:-0}" -gt "${need[i]:-0}" ]
            return
        fi
    done
}

# A compiler that only looks like one (a stub, no libc headers) is found here rather than after minutes of building.
check_c_compiler() {
    links || die "no working C compiler (cc), which Rust links with; on Debian: apt-get install gcc libc6-dev"
}

links() {
    echo 'int main(void) { return 0; }' >"$scratch/probe.c"
    cc "$@" -o "$scratch/probe" "$scratch/probe.c" 2>/dev/null
}

check_destination() {
    mkdir -p -- "$bin" || die "$bin cannot be made; choose another place: ./install.sh --prefix DIR"
    stage=$(mktemp -d "$bin/.claude-credential.XXXXXX") ||
        die "$bin cannot be written; choose another place: ./install.sh --prefix DIR"
}

# --- building ------------------------------------------------------------------------------------------------------

# Static, an executable starts in two thirds of the time: the loader has nothing to look up. Those helpers that look up
# names of hosts stay dynamic, because the C library can't do that in a static executable.
build_early() {
    case $host in
        *-linux-gnu* | *-linux-musl*)
            if links -static-pie; then build_static "$1"; else how="dynamic: no static libc here" build "$1"; fi
            ;;
        *) how="dynamic: static is for Linux" build "$1" ;;
    esac
}

build_static() (
    # The user's own flags stay. Cargo reads RUSTFLAGS only where there is no CARGO_ENCODED_RUSTFLAGS.
    if [ -n "${CARGO_ENCODED_RUSTFLAGS+set}" ]; then
        local separator=$'\x1f'
        local theirs=${CARGO_ENCODED_RUSTFLAGS:+$CARGO_ENCODED_RUSTFLAGS$separator}
        export CARGO_ENCODED_RUSTFLAGS="$theirs-Ctarget-feature=+crt-static"
    else
        export RUSTFLAGS="${RUSTFLAGS:+$RUSTFLAGS }-C target-feature=+crt-static"
    fi
    how=static build "$1"
)

# Those that stay dynamic are built at once, for what they share; one by one only where one of them fails.
build_helpers() {
    local name early=claude-credential-apikey others
    if build_early "$early"; then names="$names $early"; else failed="$failed $early"; fi
    others=$(helpers | grep -vxF -e "$early")
    # shellcheck disable=SC2086 # Names of packages: they are words.
    if build $others; then
        names="$names $others"
        return
    fi
    for name in $others; do
        if build "$name"; then names="$names $name"; else failed="$failed $name"; fi
    done
}

# --target keeps +crt-static away from procedural macros, which cannot be static, and puts all that we build in one
# place.
build() {
    local name packages=()
    echo "building $*${how:+ ($how)} …"
    for name in "$@"; do packages+=(-p "$name"); done
    cargo build "${packages[@]}" --release --locked --target "$host" || return
    for name in "$@"; do [ -x "$built/$name" ] || return; done
}

target_directory() {
    cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# The folders are the list.
helpers() {
    for folder in helpers/claude-credential-*/; do
        basename -- "$folder"
    done
}

# --- installing ----------------------------------------------------------------------------------------------------

# Copied beside their place first, then renamed: whoever starts one meanwhile gets the old one or the new one, whole.
put_in_place() {
    for name in $names git-credential-claude; do
        # mv would put the new one inside.
        [ ! -d "$bin/$name" ] || die "$bin/$name is a folder; move it away"
    done
    for name in $names; do
        cp -- "$built/$name" "$stage/$name"
        chmod 755 "$stage/$name"
    done
    # git looks for "git-credential-claude" where its configuration says "helper = claude".
    ln -s claude-credential "$stage/git-credential-claude"

    for name in $names git-credential-claude; do
        mv -f -- "$stage/$name" "$bin/$name"
        echo "installed $bin/$name"
    done
}

# What a shell completes with, and the manual. Nobody needs them, so a failure is only said.
put_documents_in_place() {
    local name
    documents "$scratch/share" || { without_documents "they could not be made"; return 0; }
    for name in $(names_of_documents); do
        if ! { mkdir -p -- "$share/${name%/*}" && cp -- "$scratch/share/$name" "$share/$name"; }; then
            without_documents "$share/$name can't be written"
            return 0
        fi
    done
    echo "installed completions for bash, zsh and fish, and manual pages, in $share"
}

without_documents() {
    echo "install.sh: no completions and manual pages: $1" >&2
}

# Into the folders in which bash, zsh, fish and man look below a prefix.
documents() {
    local bash=$1/bash-completion/completions zsh=$1/zsh/site-functions fish=$1/fish/vendor_completions.d
    mkdir -p "$bash" "$zsh" "$fish" &&
        "$bin/claude-credential" completions bash >"$bash/claude-credential" &&
        "$bin/claude-credential" completions zsh >"$zsh/_claude-credential" &&
        "$bin/claude-credential" completions fish >"$fish/claude-credential.fish" &&
        "$bin/claude-credential" man --to "$1/man/man1"
}

# No name of ours has a blank.
names_of_documents() {
    (cd "$scratch/share" && find . -type f | sed 's,^\./,,')
}

show_it_working() {
    echo
    "$bin/claude-credential" demo || {
        status=$?
        echo "install.sh: installed, but it does not work here; see it again: $bin/claude-credential demo" >&2
        return "$status"
    }
    # The demo has ended with the next command to type.
    case ":$PATH:" in
        *":$bin:"*) ;;
        *) echo "$bin is not on PATH: type the whole path, or add it" ;;
    esac
}

# --- uninstalling --------------------------------------------------------------------------------------------------

uninstall() {
    remove_documents
    for name in claude-credential git-credential-claude $(helpers); do
        if [ -e "$bin/$name" ] || [ -L "$bin/$name" ]; then
            rm -f -- "$bin/$name"
            echo "removed $bin/$name"
        fi
    done
    echo "left as they are:"
    echo "  configuration    ${XDG_CONFIG_HOME:-~/.config}/claude-credential"
    echo "  kept keys        the OS keychain, or ${XDG_DATA_HOME:-~/.local/share}/claude-credential where there is none"
    echo "  your settings    an apiKeyHelper or git credential.helper that names claude-credential"
    echo "to drop the kept keys as well: ./install.sh, claude-credential logout api-key, ./install.sh --uninstall"
}

# Those that the installed version writes, and no page of somebody else's helper: asked while it is still there.
remove_documents() {
    local name
    scratch=$(mktemp -d)
    trap 'rm -rf -- "$scratch"' EXIT
    if ! documents "$scratch/share" 2>/dev/null; then return 0; fi
    for name in $(names_of_documents); do rm -f -- "$share/$name"; done
    echo "removed the completions and manual pages in $share"
}

# --- ends ----------------------------------------------------------------------------------------------------------

refuse() {
    echo "install.sh: $1" >&2
    echo "$usage" >&2
    exit 2
}

die() {
    echo "install.sh: $1" >&2
    exit 1
}

main "$@"
