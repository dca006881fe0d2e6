"""python oracle.py ADDRESS
What google-auth makes of the credentials that it finds, as one line of JSON: the token, and the quota project. Exit 1,
with the name of its exception, where it makes nothing of them.

It is redirected where it does not do as the file says: the token endpoint of a person's sign-in is a constant of its
own, and of the URL of an impersonated service account it takes the e-mail address alone. So whatever it sends to a host of
Google's goes to the same path of ADDRESS; all else, and what it sends, is left as it is.
"""

import json
import sys
from urllib.parse import urlsplit

import google.auth
import google.auth.transport.requests
import requests

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def redirect(address):
    request = requests.Session.request

    def redirected(session, method, url, *args, **options):
        parts = urlsplit(url)
        if parts.hostname and parts.hostname.endswith(".googleapis.com"):
            url = address + parts.path + (f"?{parts.query}" if parts.query else "")
        return request(session, method, url, *args, **options)

    requests.Session.request = redirected


def main():
    redirect(sys.argv[1])
    try:
        credentials, _project = google.auth.default(scopes=[SCOPE])
        if not credentials.valid:
            credentials.refresh(google.auth.transport.requests.Request())
    except (google.auth.exceptions.GoogleAuthError, ValueError) as error:
        # Its words may hold what it was given.
        sys.exit(type(error).__name__)
    print(json.dumps({"token": credentials.token, "quota_project": credentials.quota_project_id}))


if __name__ == "__main__":
    main()
