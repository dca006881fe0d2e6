#!/usr/bin/env python3
"""glewlwyd_provider.py REDIRECT_URI        (the first line of stdout names the issuer, the second a session of alice's)

Debian's glewlwyd on loopback: OpenID Connect with PKCE, every refresh rotates, a nonce is required. Alice has signed in
and agreed to everything; a browser with her session that adds `g_continue` to its query is sent back at once.
Needs nothing but glewlwyd and openssl.
"""

import atexit
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

TABLES = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
FOLDER = tempfile.mkdtemp(prefix="glewlwyd-provider.")
atexit.register(shutil.rmtree, FOLDER, True)
SCOPES = ["openid", "inference"]


def main():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    with sqlite3.connect(f"{FOLDER}/db") as tables, open(TABLES, encoding="utf-8") as script:
        tables.executescript(script.read())
    with open(f"{FOLDER}/conf", "w", encoding="utf-8") as conf:
        conf.write(configuration(port, base))
    server = subprocess.Popen(["glewlwyd", f"--config-file={FOLDER}/conf"], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    atexit.register(server.terminate)
    wait_for(port, server)
    admin = Session(f"{base}/api")
    admin.call("POST", "/auth/", {"username": "admin", "password": "password"})
    admin.call("POST", "/mod/plugin/", plugin(base))
    admin.call("POST", "/scope/", {"name": "inference", "display_name": "ask models", "password_required": False})
    admin.call("POST", "/client/", client(sys.argv[1]))
    user = {"username": "alice", "password": "made-up", "name": "Alice", "email": "alice@example.test"}
    admin.call("POST", "/user/", {**user, "enabled": True, "scope": SCOPES})
    alice = Session(f"{base}/api")
    alice.call("POST", "/auth/", {"username": "alice", "password": "made-up"})
    alice.call("PUT", "/auth/grant/people/", {"scope": " ".join(SCOPES)})
    print(f"{base}/api/oidc", alice.cookie, sep="\n", flush=True)
    server.wait()


class Session:
    """Somebody who is signed in at the server's own interface."""

    def __init__(self, base):
        self.base, self.cookie = base, ""

    def call(self, method, path, body):
        headers = {"Content-Type": "application/json", "Cookie": self.cookie}
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), headers, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                cookie = answer.headers.get("Set-Cookie")
        except urllib.error.HTTPError as error:
            sys.exit(f"{method} {path}: {error.code} {error.read().decode()}")
        if cookie:
            self.cookie = cookie.split(";")[0]


def wait_for(port, server):
    for _ in range(200):
        if server.poll() is not None:
            sys.exit("glewlwyd does not start")
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("glewlwyd does not listen")


def configuration(port, base):
    """Debian's own, with what differs here."""
    ours = {
        "port": port,
        "external_url": f'"{base}"',
        "log_mode": '"console"',
        "log_level": '"WARNING"',
        "session_key": '"SESSION"',
    }
    lines = []
    with open("/etc/glewlwyd/glewlwyd.conf", encoding="utf-8") as own:
        for line in own:
            name = line.split("=")[0].strip()
            if line.startswith("@include"):
                lines.append(f'database={{ type="sqlite3"; path="{FOLDER}/db"; }};\n')
            elif name in ours:
                lines.append(f"{name}={ours[name]}\n")
            else:
                lines.append(line)
    return "".join(lines) + 'bind_address="127.0.0.1"\n'


def plugin(base):
    key = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True, text=True).stdout
    public = subprocess.run(
        ["openssl", "rsa", "-pubout"], input=key, check=True, capture_output=True, text=True
    ).stdout
    return {
        "module": "oidc",
        "name": "oidc",
        "display_name": "OpenID Connect",
        "parameters": {
            "iss": f"{base}/api/oidc",
            "jwt-type": "rsa",
            "jwt-key-size": "256",
            "key": key,
            "cert": public,
            "access-token-duration": 3600,
            "refresh-token-duration": 86400,
            "code-duration": 600,
            "refresh-token-rolling": False,
            "refresh-token-one-use": "always",
            "allow-non-oidc": True,
            "auth-type-code-enabled": True,
            "auth-type-code-revoke-replayed": True,
            "auth-type-token-enabled": False,
            "auth-type-id-token-enabled": True,
            "auth-type-none-enabled": False,
            "auth-type-password-enabled": False,
            "auth-type-client-enabled": False,
            "auth-type-device-enabled": False,
            "auth-type-refresh-enabled": True,
            "scope": [{"name": scope, "refresh-token-rolling": False} for scope in SCOPES],
            "additional-parameters": [],
            "claims": [],
            "pkce-allowed": True,
            "pkce-method-plain-allowed": False,
            "introspection-revocation-allowed": True,
            "introspection-revocation-allow-target-client": True,
            "introspection-revocation-auth-scope": [],
            "jwks-show": True,
            "subject-type": "public",
        },
    }


def client(redirect_uri):
    return {
        "client_id": "people",
        "name": "people",
        "enabled": True,
        "confidential": False,
        "redirect_uri": [redirect_uri],
        "authorization_type": ["code", "refresh_token", "id_token"],
        "token_endpoint_auth_method": ["none"],
        "scope": [],
    }


if __name__ == "__main__":
    main()
