"""What Google's libraries ask for, at the paths of Google's own: tokens, their exchange, being somebody else, and the
metadata server.

    tokens          POST ADDRESS/token              "google token"
    exchange        POST ADDRESS/v1/token           "google sts"
    people's        POST ADDRESS/v1/oauthtoken      "google person"
    somebody else   POST ADDRESS/v1/projects/-/serviceAccounts/EMAIL:generateAccessToken   "google impersonation"
    metadata        GCE_METADATA_HOST=HOST:PORT     "google metadata", and "metadata probe" and so on beside it
    subject tokens  GET  ADDRESS/subject, /subject.json   "subject"

A token's name tells what it was asked for: who asks the same gets the same token, and who asks for anything else gets
another. That question stands in the log as `question`; `detail` is what Google does not mind. A refresh token that ends
in "rapt" wants a new sign-in, and one that was ended is not known any more; so are the keys of "gone@…".
"""

import base64
import hashlib
import hmac
import json
import re
import time
from urllib.parse import unquote, unquote_plus, urlsplit

from fake_aws import iso_8601
from fake_world import Reply

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EMAIL = "machine@fake-project.iam.gserviceaccount.com"
FLAVOR = {"Metadata-Flavor": "Google"}


def service(asked):
    """The name of what is asked for, and who answers it; None where it isn't Google that is asked."""
    for method, path, name, answer in ROUTES:
        if asked.method == method and re.fullmatch(path, asked.path):
            return name, answer
    return None


def gives(world, name, question, detail=None):
    """A token for that question."""
    text = json.dumps(question, sort_keys=True)
    secret = world.secret("google-" + hashlib.sha256(text.encode()).hexdigest()[:12])
    life = world.life(name)
    told = {"question": text, "detail": json.dumps(detail or {}, sort_keys=True), "until": int(time.time()) + life}
    return secret, life, told


def grants(world, name, question, detail=None, **more):
    secret, life, told = gives(world, name, question, detail)
    answer = {"access_token": secret, "expires_in": life, "token_type": "Bearer", **more}
    return Reply(answer, headers=FLAVOR if name == "google metadata" else None, told=told)


def refuses(question, error, subtype=None):
    # As some servers do, it repeats what it was sent.
    body = {"error": error, "error_description": f"Bad Request: {question}"}
    if subtype:
        body["error_subtype"] = subtype
    return Reply(body, 400, told={"question": json.dumps(question, sort_keys=True)})


# --- tokens -----------------------------------------------------------------------------------------------------------


def token(world, asked):
    # Google's library for Rust writes JSON, and Google takes either.
    form = asked.json() if asked.body.startswith("{") else asked.form()
    grant = form.get("grant_type")
    if grant == "refresh_token":
        question = {name: form.get(name) for name in ("grant_type", "client_id", "client_secret", "refresh_token")}
        # Scopes are those of the sign-in, and these are no others.
        return of_person(world, "google token", question, {"scope": form.get("scope")})
    if grant != JWT_BEARER:
        return refuses({"grant_type": grant}, "unsupported_grant_type")
    header, claims = (unpacked(part) for part in form["assertion"].split(".")[:2])
    life = claims.pop("exp") - claims.pop("iat")
    # None is no claim.
    claims = {name: claim for name, claim in claims.items() if claim is not None}
    question = {"grant_type": grant, "alg": header.pop("alg"), "claims": claims}
    if life > 3600 or claims["iss"].startswith("gone@"):
        return refuses(question, "invalid_grant")
    return grants(world, "google token", question, {"header": header, "life": life})


def person(world, asked):
    form = asked.form()
    question = {"grant_type": form.get("grant_type"), "refresh_token": form.get("refresh_token")}
    return of_person(world, "google person", {**question, "client": asked.headers.get("authorization")}, {})


def of_person(world, name, question, detail):
    refresh_token = question["refresh_token"] or ""
    if refresh_token in world.ended or not refresh_token.startswith(world.prefix):
        return refuses(question, "invalid_grant")
    if refresh_token.endswith("rapt"):
        return refuses(question, "invalid_grant", "invalid_rapt")
    return grants(world, name, question, detail)


def unpacked(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


# --- exchange ---------------------------------------------------------------------------------------------------------


def sts(world, asked):
    form = asked.form()
    if form.get("grant_type") != EXCHANGE:
        return refuses(form, "unsupported_grant_type")
    # Quoted once more than a form is.
    form["options"] = json.loads(unquote(form.get("options", "")) or "null")
    if form.get("subject_token_type", "").endswith(":aws4_request"):
        form["subject_token"] = identity(world, json.loads(unquote_plus(form["subject_token"])))
    question = {**form, "client": asked.headers.get("authorization")}
    subject = question["subject_token"]
    if not subject["good"] if isinstance(subject, dict) else subject in world.ended:
        return refuses(question, "invalid_grant")
    issued = "urn:ietf:params:oauth:token-type:access_token"
    return grants(world, "google sts", question, issued_token_type=issued)


def identity(world, request):
    """A signed question to AWS, without what is different each time; whether its signature is right instead."""
    headers = {header["key"].lower(): header["value"] for header in request["headers"]}
    signed = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^,/]+)/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)",
        headers.pop("authorization"),
    )
    key, scope, names, signature = signed.groups()
    url = urlsplit(request["url"])
    named = "".join(f"{name}:{headers[name]}\n" for name in names.split(";"))
    canonical = [request["method"], url.path or "/", url.query, named, names, hashlib.sha256(b"").hexdigest()]
    digest = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest])
    secret = "env-secret" if key.startswith("AKIA") else f"imds-secret-{int(key[-8:])}"
    step = f"AWS4{world.secret(secret)}".encode()
    for part in [*scope.split("/"), text]:
        step = hmac.new(step, part.encode(), hashlib.sha256).digest()
    del headers["x-amz-date"]
    if "x-amz-security-token" in headers:
        headers["x-amz-security-token"] = re.sub(r"-\d+$", "", headers["x-amz-security-token"])
    # No path is the path "/" (RFC 3986, 6.2.3).
    about = {"url": url._replace(path=url.path or "/").geturl(), "method": request["method"], "headers": headers}
    return {**about, "key": key[:8], "scope": scope.split("/")[1:], "good": step.hex() == signature}


# --- somebody else ----------------------------------------------------------------------------------------------------


def impersonation(world, asked):
    body = asked.json()
    question = {
        "path": asked.path,
        "who": asked.headers.get("authorization"),
        # None is no list and an empty one alike.
        "delegates": body.get("delegates") or [],
        "scope": body.get("scope"),
        "lifetime": body.get("lifetime"),
    }
    if "forbidden@" in asked.path:
        return Reply({"error": {"code": 403, "status": "PERMISSION_DENIED"}}, 403, told={"question": json.dumps(question, sort_keys=True)})
    secret, life, told = gives(world, "google impersonation", question)
    return Reply({"accessToken": secret, "expireTime": iso_8601(time.time() + life)}, told=told)


# --- metadata ---------------------------------------------------------------------------------------------------------


def machine(answer):
    """Who does not say that it is Google's metadata that he wants gets nothing."""

    def guarded(world, asked):
        if asked.headers.get("metadata-flavor") != "Google":
            return Reply(status=403)
        return answer(world, asked)

    return guarded


def machine_token(world, asked):
    return grants(world, "google metadata", {"scopes": asked.query.get("scopes")})


def says(body):
    return machine(lambda _world, _asked: Reply(body, headers=FLAVOR))


def subject(world, asked):
    secret = world.secret("subject")
    question = {"path": asked.path, "header": asked.headers.get("x-of-the-file")}
    body = {"token": secret} if asked.path.endswith(".json") else secret
    return Reply(body, told={"question": json.dumps(question, sort_keys=True)})


METADATA = "/computeMetadata/v1"
ACCOUNT = f"{METADATA}/instance/service-accounts/[^/]+"
ROUTES = [
    ("POST", "/token", "google token", token),
    ("POST", "/v1/token", "google sts", sts),
    ("POST", "/v1/oauthtoken", "google person", person),
    ("POST", "/v1/projects/-/serviceAccounts/[^/]+:generateAccessToken", "google impersonation", impersonation),
    ("GET", f"{ACCOUNT}/token", "google metadata", machine(machine_token)),
    ("GET", f"{ACCOUNT}/", "metadata account", says({"email": EMAIL, "scopes": [], "aliases": ["default"]})),
    ("GET", f"{METADATA}/project/project-id", "metadata project", says("fake-project")),
    ("GET", f"{METADATA}/universe/universe[_-]domain", "metadata universe", says("googleapis.com")),
    ("GET", "/v1/projects/[^/]+", "project", lambda _world, _asked: Reply({"projectId": "fake-project"})),
    ("GET", "/", "metadata probe", says("ok")),
    ("GET", r"/subject(\.json)?", "subject", subject),
]
