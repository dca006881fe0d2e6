#!/usr/bin/env bash
# in-namespace.sh COMMAND…
# Runs COMMAND in a network of its own: loopback, and nothing else. Who asks the metadata address of a cloud there gets
# no answer, and not the credentials of the machine that the tests run on. On loopback are
#   $CLAUDE_CREDENTIAL_TEST_CLOUD    fake_cloud.py: what a cloud has beside its services, for each test anew
#   $CLAUDE_CREDENTIAL_TEST_SILENT   a port that takes connections and never answers
#   $CLAUDE_CREDENTIAL_TEST_MOTO     moto, which is AWS STS; only if $CLAUDE_CREDENTIAL_TEST_VENV is a venv that has it
# They end with COMMAND, however that ends. Needs iproute2 and util-linux, and root or user namespaces.
set -euo pipefail

CLOUD=5001 SILENT=5002 MOTO=5003 # nobody else is in this network, so none can be taken

main() {
    [ $# -gt 0 ] || die "usage: in-namespace.sh COMMAND…"
    if [ "$1" != --inside ]; then
        enter_namespace "$@"
    fi
    shift
    make_network
    start_servers
    "$@"
}

enter_namespace() {
    for tool in unshare setpriv ip python3; do
        command -v "$tool" >/dev/null || die "no $tool; on Debian: apt-get install util-linux iproute2 python3"
    done
    local options=(--net)
    [ "$(id -u)" = 0 ] || options+=(--map-root-user)
    exec unshare "${options[@]}" -- "$BASH" "${BASH_SOURCE[0]}" --inside "$@"
}

make_network() {
    ip link set lo up
    # Loopback drops what is not for it, and says nothing: a metadata address behaves as it does on a laptop whose
    # network drops it, which is slower than one that refuses.
    ip route add 169.254.0.0/16 dev lo
    # There is no way out, so neither is there one to a proxy.
    unset http_proxy https_proxy all_proxy no_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY
}

start_servers() {
    folder=$(mktemp -d "${TMPDIR:-/tmp}/servers.XXXXXX")
    servers=()
    trap clean_up EXIT
    # A signal to this script alone waits for COMMAND, lest it lose its servers while it runs; Ctrl-C reaches both.
    trap 'exit 130' INT
    trap 'exit 143' TERM

    start cloud "$CLOUD" python3 -B "$(dirname -- "${BASH_SOURCE[0]}")/fake_cloud.py" "$CLOUD" "$SILENT"
    export CLAUDE_CREDENTIAL_TEST_CLOUD=http://127.0.0.1:$CLOUD
    export CLAUDE_CREDENTIAL_TEST_SILENT=http://127.0.0.1:$SILENT
    if [ -n "${CLAUDE_CREDENTIAL_TEST_VENV:-}" ]; then
        start moto "$MOTO" "$CLAUDE_CREDENTIAL_TEST_VENV/bin/moto_server" -H 127.0.0.1 -p "$MOTO"
        export CLAUDE_CREDENTIAL_TEST_MOTO=http://127.0.0.1:$MOTO
    fi
}

start() {
    local name=$1 port=$2 tries
    shift 2
    # The kernel ends it where this script is killed and can't.
    setpriv --pdeathsig KILL "$@" </dev/null >"$folder/$name.log" 2>&1 &
    servers+=($!)
    for ((tries = 0; tries < 600; tries++)); do
        if (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            return 0
        fi
        kill -0 "${servers[-1]}" 2>/dev/null || break
        sleep 0.05
    done
    cat "$folder/$name.log" >&2
    die "$name did not start"
}

clean_up() {
    kill "${servers[@]}" 2>/dev/null || true
    wait "${servers[@]}" 2>/dev/null || true
    rm -rf -- "$folder"
}

die() {
    echo "in-namespace.sh: $1" >&2
    exit 1
}

main "$@"
