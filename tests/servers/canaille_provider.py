#!/usr/bin/env python3
"""canaille_provider.py REDIRECT_URI        (the first line of stdout names the issuer)

Canaille on loopback: OpenID Connect with a nonce required, and redirect URIs compared character by character.
Everybody is alice, and has agreed to everything.
"""

import datetime
import socket
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

from canaille import create_app
from canaille.app import models
from canaille.app.session import UserSession
from canaille.backends import Backend
from flask import g


class Silent(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(
        {
            "SECRET_KEY": "made-up-made-up-made-up-made-up-made-up",
            "SERVER_NAME": f"127.0.0.1:{port}",
            "PREFERRED_URL_SCHEME": "http",
            "CANAILLE": {"DATABASE": "memory", "LOGGING": None},
            "CANAILLE_OIDC": {},
        }
    )
    with app.app_context():
        alice = models.User(
            user_name="alice",
            formatted_name="Alice",
            family_name="Alice",
            emails=["alice@example.test"],
            password="made-up",
        )
        Backend.instance.save(alice)
        client = models.Client(
            client_id="people",
            client_name="people",
            client_uri="http://127.0.0.1",
            redirect_uris=[sys.argv[1]],
            grant_types=["authorization_code", "refresh_token"],
            response_types=["code"],
            scope=["openid", "profile", "email"],
            token_endpoint_auth_method="none",
        )
        Backend.instance.save(client)
        client.audience = [client]
        Backend.instance.save(client)
        user = alice.id

    @app.before_request
    def everybody_is_alice():
        now = datetime.datetime.now(datetime.timezone.utc)
        g.session = UserSession(user=Backend.instance.get(models.User, user), last_login_datetime=now)

    server = make_server("127.0.0.1", port, app, handler_class=Silent)
    print(f"http://127.0.0.1:{port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
