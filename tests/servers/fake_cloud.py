"""python3 fake_cloud.py PORT SILENT_PORT
What the clouds' sign-ins and metadata are made of, on loopback, with the standard library alone. Each cloud has a
module: fake_aws.py, fake_google.py.

A test opens a world of its own, with a port of its own, so that addresses without a path will do for it:

    POST PORT/_open     {"secret": PREFIX}: every secret of that world begins so. Answers {"address": URL}

and there, beside what the modules answer:

    GET  /_log          what was asked for, in order: [{"name": "sts AssumeRole", "method", "path", "headers", …}, …]
    POST /_life         {"name": "sts", "seconds": 60}: for how long what has a name that begins so is good
    POST /_fault        {"name": "imds", "status": 500, "headers": {…}, "body": "…", "delay": 2.0, "hangs": true,
                        "times": 3}: what comes in place of an answer; without "status" the answer comes after all
    POST /_ahead        {"seconds": 10800}: the clock of whoever asks is ahead by so much; negative: behind
    POST /_end          {"name": "sso-first"}: that secret is good no more

SILENT_PORT takes connections and never answers.
"""

import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fake_aws
import fake_google
from fake_world import Asked, Reply, World

CLOUDS = [fake_aws, fake_google]


def answer(world, asked):
    name, service = next(filter(None, (cloud.service(asked) for cloud in CLOUDS)), ("unknown", not_found))
    entry = {"name": name, "method": asked.method, "path": asked.target, "headers": asked.headers, "body": asked.body}
    with world.lock:
        world.log.append(entry)
    fault = world.fault(name)
    if fault:
        if fault.get("hangs"):
            threading.Event().wait()
        time.sleep(fault.get("delay", 0))
        if fault.get("status"):
            return Reply(fault.get("body", ""), fault["status"], "text/html", fault.get("headers"))
    reply = service(world, asked)
    with world.lock:
        entry.update(reply.told, status=reply.status)
    return reply


def not_found(_world, _asked):
    return Reply(status=404)


def control(world, asked):
    """What tests ask for and nobody else."""
    if asked.path == "/_log":
        with world.lock:
            return Reply(list(world.log))
    if asked.path == "/_end":
        world.end(world.secret(asked.json()["name"]))
        return Reply()
    with world.lock:
        {"/_life": world.lives, "/_fault": world.faults, "/_ahead": world.skews}[asked.path].append(asked.json())
    return Reply()


def listen(port, answer_to, clock=time.time):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: otherwise each answer waits for the acknowledgement of its first half.
        wbufsize = -1

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = answer_to(Asked(self.command, self.path, headers, body))
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.kind)
            self.send_header("Content-Length", str(len(reply.body)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = answer

        def date_time_string(self, timestamp=None):
            return super().date_time_string(clock() if timestamp is None else timestamp)

        def log_message(self, *_):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256

    server = Server(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def open_world(asked):
    world = World(asked.json()["secret"])
    server = listen(0, lambda asked: control(world, asked) if asked.path.startswith("/_") else answer(world, asked), world.time)
    return Reply({"address": f"http://127.0.0.1:{server.server_port}"})


def main():
    port, silent_port = map(int, sys.argv[1:])
    # The kernel takes the connections; nobody here ever does.
    silent = socket.create_server(("127.0.0.1", silent_port), backlog=1024)
    listen(port, open_world)
    threading.Event().wait()
    silent.close()


if __name__ == "__main__":
    main()
