"""What a test has of the clouds, and what goes to and fro: for fake_cloud.py and its modules."""

import json
import threading
import time
from urllib.parse import parse_qsl, urlsplit

LIFE = 3600


class World:
    """What one test has of the clouds."""

    def __init__(self, secret):
        self.prefix = secret
        self.lock = threading.Lock()
        self.log = []
        self.lives = []
        self.faults = []
        self.counts = {}
        self.ended = set()
        self.skews = []

    def secret(self, name):
        return self.prefix + name

    def end(self, secret):
        """It is good no more; whether it was."""
        with self.lock:
            was_good = secret not in self.ended
            self.ended.add(secret)
        return was_good

    def count(self, name):
        """1, 2, 3 and so on, for every name."""
        with self.lock:
            self.counts[name] = self.counts.get(name, 0) + 1
            return self.counts[name]

    def life(self, name, usual=LIFE):
        """For how many seconds it is good. What was said last counts."""
        with self.lock:
            lives = [life["seconds"] for life in self.lives if name.startswith(life["name"])]
        return lives[-1] if lives else usual

    def time(self):
        """What this world's clock says."""
        return time.time() - self.ahead()

    def ahead(self):
        """By how many seconds the clock of the machine that asks is ahead of this world's."""
        with self.lock:
            return self.skews[-1]["seconds"] if self.skews else 0

    def fault(self, name):
        with self.lock:
            for fault in self.faults:
                if name.startswith(fault["name"]) and fault["times"] > 0:
                    fault["times"] -= 1
                    return fault
        return None


class Asked:
    """A request."""

    def __init__(self, method, target, headers, body):
        parts = urlsplit(target)
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, self.query = parts.path, dict(parse_qsl(parts.query))

    def form(self):
        return dict(parse_qsl(self.body, keep_blank_values=True))

    def json(self):
        return json.loads(self.body)


class Reply:
    """An answer. `told` goes into the log beside the request."""

    def __init__(self, body="", status=200, kind="text/plain", headers=None, told=None):
        if isinstance(body, (dict, list)):
            body, kind = json.dumps(body), "application/json"
        self.body, self.status, self.kind = body.encode(), status, kind
        self.headers, self.told = headers or {}, told or {}
