#!/usr/bin/env python3
"""Relays connections to an origin and notes how each request's body begins.

    tap.py LISTEN_PORT ORIGIN_PORT LOG

LOG gets one JSON object for each request with an aws-chunked body: its target, and the size that its first chunk states.
That the proxy keeps a client's chunks as they are makes this the client's.
"""

import json
import re
import socketserver
import socket
import sys
import threading

# Chunks of Transfer-Encoding and of aws-chunked: "size[;chunk-signature=...]".
SIZE = re.compile(rb"([0-9a-fA-F]+)(?:;[^\r]*)?\r\n")


class Relay(socketserver.BaseRequestHandler):
    def handle(self):
        with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as origin:
            back = threading.Thread(target=copy, args=(origin, self.request, None), daemon=True)
            back.start()
            copy(self.request, origin, Watch())
            back.join()


def copy(source, target, watch):
    try:
        while data := source.recv(1 << 18):
            if watch:
                watch.feed(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Watch:
    """Finds requests in what one connection carries. nginx sends nothing else together with a head's first byte."""

    def __init__(self):
        self.start = None

    def feed(self, data):
        if re.match(rb"(?:PUT|POST|GET|HEAD|DELETE) /", data):
            self.start = b""
        if self.start is None:
            return
        self.start += data[:65536]
        head, blank, body = self.start.partition(b"\r\n\r\n")
        if not blank:
            return
        if not re.search(rb"(?im)^x-amz-content-sha256: *STREAMING", head):
            self.start = None
            return
        if re.search(rb"(?im)^transfer-encoding: *chunked", head):
            outer = SIZE.match(body)
            body = body[outer.end() :] if outer else b""
        first = SIZE.match(body)
        if first:
            note = {"target": head.split(b" ")[1].decode(), "chunk": int(first[1], 16)}
            with open(sys.argv[3], "a") as log:
                log.write(json.dumps(note) + "\n")
            self.start = None


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


with Server(("127.0.0.1", int(sys.argv[1])), Relay) as server:
    print("listening", flush=True)
    server.serve_forever()
