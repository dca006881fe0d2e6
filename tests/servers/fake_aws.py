"""What the AWS SDKs ask for: the metadata of instance and container, the SSO portal and its OIDC, and STS where moto
can't play the case.

    metadata      AWS_EC2_METADATA_SERVICE_ENDPOINT=ADDRESS                          "imds token", "imds role", …
    container     AWS_CONTAINER_CREDENTIALS_FULL_URI=ADDRESS/container; wants the authorization secret("container")
    SSO portal    AWS_ENDPOINT_URL_SSO=ADDRESS/sso; takes access tokens that are its own, or secret("sso-…")
    SSO OIDC      AWS_ENDPOINT_URL_SSO_OIDC=ADDRESS/oidc; takes each refresh token once, secret("refresh-…") first
    STS           AWS_ENDPOINT_URL_STS=ADDRESS/sts; "sts AssumeRole" and so on

The credentials of a service are those that its name tells: of the second AssumeRole ASIAASSUMEROLE0000000002,
secret("AssumeRole-secret-2") and secret("AssumeRole-token-2"). Access key ids that begin with AKIAEXPIRED have expired,
and those that begin with AKIAUNKNOWN are nobody's. A web identity token that ends in "refused" is refused. The role of
STS that is named forbidden, and SSO's that is named Forbidden, are for nobody.
"""

import re
import time
from xml.sax.saxutils import escape

from fake_world import Reply

ACCOUNT = "123456789012"
REGION = "us-west-2"
METADATA_TOKEN = "metadata-session"


def service(asked):
    """The name of what is asked for, and who answers it; None where it isn't AWS that is asked."""
    if asked.path.rstrip("/") == "/sts":
        action = asked.form().get("Action", "nothing")
        return f"sts {action}", sts
    for method, path, name, answer in ROUTES:
        if asked.method == method and re.fullmatch(path, asked.path):
            return name, answer
    return None


def credentials(world, name, life):
    """Another set, and until when it is good."""
    number = world.count(name)
    return {
        "id": f"ASIA{name.upper():0<12}{number:08}",
        "secret": world.secret(f"{name}-secret-{number}"),
        "token": world.secret(f"{name}-token-{number}"),
        "until": int(world.time()) + life,
    }


def iso_8601(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


# --- metadata ---------------------------------------------------------------------------------------------------------


def metadata_token(_world, asked):
    life = asked.headers.get("x-aws-ec2-metadata-token-ttl-seconds")
    if not life:
        return Reply(status=400)
    return Reply(METADATA_TOKEN, headers={"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": life})


def with_metadata_token(answer):
    """IMDSv2: who has no token gets nothing."""

    def guarded(world, asked):
        if asked.headers.get("x-aws-ec2-metadata-token") != METADATA_TOKEN:
            return Reply(status=401)
        return answer(world, asked)

    return guarded


def instance_credentials(world, _asked):
    more = {"Code": "Success", "LastUpdated": iso_8601(world.time()), "Type": "AWS-HMAC"}
    return metadata_credentials(world, "imds", more)


def container_credentials(world, asked):
    if asked.headers.get("authorization") != world.secret("container"):
        return Reply({"code": "AccessDenied", "message": "the authorization is wrong"}, 401)
    return metadata_credentials(world, "container", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/task"})


def metadata_credentials(world, name, more):
    made = credentials(world, name, world.life(name))
    keys = {"AccessKeyId": made["id"], "SecretAccessKey": made["secret"], "Token": made["token"]}
    return Reply({**more, **keys, "Expiration": iso_8601(made["until"])}, told={"until": made["until"]})


# --- SSO --------------------------------------------------------------------------------------------------------------


def role_credentials(world, asked):
    token = asked.headers.get("x-amz-sso_bearer_token", "")
    if token in world.ended or not token.startswith(world.secret("sso-")):
        return refused(401, "UnauthorizedException", {"message": "Session token not found or invalid"})
    if asked.query.get("role_name") == "Forbidden":
        return refused(403, "ForbiddenException", {"message": "No access"})
    made = credentials(world, "sso", world.life("sso credentials"))
    keys = {"accessKeyId": made["id"], "secretAccessKey": made["secret"], "sessionToken": made["token"]}
    told = {"until": made["until"], "role": asked.query.get("role_name"), "account": asked.query.get("account_id")}
    return Reply({"roleCredentials": {**keys, "expiration": made["until"] * 1000}}, told=told)


def create_token(world, asked):
    wanted = asked.json()
    token = wanted.get("refreshToken", "")
    if wanted.get("grantType") != "refresh_token":
        return refused(400, "UnsupportedGrantTypeException", {"error": "unsupported_grant_type"})
    if not (token.startswith(world.secret("refresh-")) and world.end(token)):
        return refused(400, "InvalidGrantException", {"error": "invalid_grant", "error_description": "Invalid grant"})
    number, life = world.count("sso-access"), world.life("oidc")
    tokens = {"accessToken": world.secret(f"sso-access-{number}"), "refreshToken": world.secret(f"refresh-{number}")}
    return Reply({**tokens, "expiresIn": life, "tokenType": "Bearer"}, told={"until": int(world.time()) + life})


def refused(status, error, body):
    return Reply(body, status, headers={"X-Amzn-ErrorType": error})


# --- STS --------------------------------------------------------------------------------------------------------------


def sts(world, asked):
    form = asked.form()
    action = form.get("Action")
    signed = re.search(r"Credential=([A-Z0-9]+)/", asked.headers.get("authorization", ""))
    signer = signed.group(1) if signed else None
    told = {"form": form, "signer": signer}
    if action == "AssumeRoleWithWebIdentity":
        if form.get("WebIdentityToken", "").endswith("refused"):
            return sts_refuses(400, "InvalidIdentityToken", "The ID Token provided is not a valid JWT.", told)
    elif not signer or signer.startswith("AKIAUNKNOWN"):
        return sts_refuses(403, "InvalidClientTokenId", "The security token included in the request is invalid.", told)
    elif signer.startswith("AKIAEXPIRED"):
        return sts_refuses(403, "ExpiredToken", "The security token included in the request is expired", told)
    if signer and abs(world.ahead()) > 300:
        return sts_refuses(403, "SignatureDoesNotMatch", "Signature expired: is now earlier than", told)
    if action == "GetCallerIdentity":
        arn = f"arn:aws:iam::{ACCOUNT}:user/somebody"
        return sts_answers(action, {"Arn": arn, "UserId": signer, "Account": ACCOUNT}, told)
    if action not in ("AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken"):
        return sts_refuses(400, "InvalidAction", "Could not find operation", told)
    if form.get("RoleArn", "").endswith("/forbidden"):
        return sts_refuses(403, "AccessDenied", "User is not authorized to perform: sts:AssumeRole", told)
    made = credentials(world, action, world.life(f"sts {action}", int(form.get("DurationSeconds", 3600))))
    keys = {"AccessKeyId": made["id"], "SecretAccessKey": made["secret"], "SessionToken": made["token"]}
    result = {"Credentials": {**keys, "Expiration": iso_8601(made["until"])}}
    if "RoleArn" in form:
        role = f"{form['RoleArn'].replace(':role/', ':assumed-role/')}/{form.get('RoleSessionName')}"
        result["AssumedRoleUser"] = {"Arn": role, "AssumedRoleId": "AROAFAKE:session"}
    return sts_answers(action, result, {**told, "until": made["until"]})


def sts_answers(action, result, told):
    inside = f"<{action}Result>{xml(result)}</{action}Result>{xml({'ResponseMetadata': {'RequestId': 'made-up'}})}"
    return sts_reply(f"{action}Response", inside, 200, told)


def sts_refuses(status, code, message, told):
    inside = xml({"Error": {"Type": "Sender", "Code": code, "Message": message}, "RequestId": "made-up"})
    return sts_reply("ErrorResponse", inside, status, told)


def sts_reply(element, inside, status, told):
    text = f'<{element} xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{inside}</{element}>'
    return Reply(text, status, "text/xml", told=told)


def xml(values):
    def text(value):
        return xml(value) if isinstance(value, dict) else escape(str(value))

    return "".join(f"<{name}>{text(value)}</{name}>" for name, value in values.items())


def plain(text):
    return lambda _world, _asked: Reply(text)


METADATA = "/latest/meta-data"
ROLES = f"{METADATA}/iam/security-credentials"
ROUTES = [
    ("PUT", "/latest/api/token", "imds token", metadata_token),
    ("GET", f"{METADATA}/placement/region", "imds region", with_metadata_token(plain(REGION))),
    ("GET", f"{METADATA}/placement/availability-zone", "imds zone", with_metadata_token(plain(f"{REGION}a"))),
    ("GET", f"{ROLES}/?", "imds role", with_metadata_token(plain("instance"))),
    ("GET", f"{ROLES}/instance", "imds credentials", with_metadata_token(instance_credentials)),
    ("GET", "/container", "container", container_credentials),
    ("GET", "/sso/federation/credentials", "sso credentials", role_credentials),
    ("POST", "/oidc/token", "oidc", create_token),
]
