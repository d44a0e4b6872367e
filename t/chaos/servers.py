"""Servers of nginx.conf that differ in all that decides how bodies and answers go."""

import random
import re
import socket

NEXT_UPSTREAM = [
    "error timeout http_502 http_503 http_504",
    "error timeout http_503 non_idempotent",
    "error timeout invalid_header http_500 http_503 http_403 http_404 http_429",
    "error",
    "off",
]


# Below the range that outgoing connections take, and none twice.
PORTS = set(range(12_000, 20_000))


def free_port():
    while True:
        port = random.choice(list(PORTS))
        PORTS.discard(port)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


def on_off(value):
    return "on" if value else "off"


class Group:
    """Origins of an upstream: two peers and a backup."""

    def __init__(self, scheme, origins):
        self.scheme, self.origins = scheme, origins
        self.frames_off = origins[0].frames_off


class Server:
    def __init__(self, number, rng, group):
        self.number, self.group, self.uploads = number, group, []
        self.port, self.http2_port = free_port(), free_port()

        def often(chance):
            return rng.random() < chance

        self.options = {
            "aio": often(0.2),
            "auth": often(0.15),
            "balancer": rng.choice(["", "", "least_conn;", "hash $request_uri consistent;"]),
            "body_buffer": rng.choice(["1k", "8k", "32k", "256k"]),
            "buffer_size": rng.choice(["4k", "8k", "16k"]),
            "buffering": often(0.7),
            "cache": often(0.3),
            "fallback": often(0.15),
            "gzip": often(0.15),
            "ignore_abort": often(0.15),
            "intercept": often(0.15),
            "keepalive": rng.choice([0, 1, 16]),
            "limit_conn": often(0.2),
            "lingering": rng.choice(["on", "on", "always"]),
            "lock": often(0.5),
            "max_fails": rng.choice([0, 0, 3]),
            "min_uses": rng.choice([1, 1, 2]),
            "mirror": often(0.15),
            "next": rng.choice(NEXT_UPSTREAM),
            "probe": often(0.5),
            "rate": often(0.1),
            "request_buffering": often(0.5),
            "sendfile": often(0.5),
            "session_reuse": often(0.5),
            "single_buffer": often(0.1),
            "slow_down": often(0.5),
            "stale": often(0.4),
            "sticky": often(0.3),
            "temp_file": rng.choice(["0", "1m"]),
            "tries": rng.choice([0, 1, 2, 3]),
            "unknown_length": rng.choice(["refuse", "buffer"]),
            "verify_payload": often(0.5),
            "version": rng.choice(["1.1"] * 9 + ["1.0"]),
            "zone": often(0.5),
        }

    def learn_upload(self, document, origin, key):
        """Keeps the client's id of an upload, for requests about it."""
        found = re.search(rb"<UploadId>([^<]+)</UploadId>", document)
        if found and self.options["sticky"] and len(self.uploads) < 500:
            self.uploads.append((found[1].decode(), origin, key))

    def upstream(self, plain):
        o = self.options
        first, second, backup = (f"server {origin.host}:{origin.port}" for origin in self.group.origins)
        fails = f"max_fails={o['max_fails']} fail_timeout=1s"
        lines = [
            o["balancer"],
            f"zone u{self.number} 128k;" if o["zone"] else "",
            f"{first} {fails};",
            f"{second} {fails};",
            f"{backup} max_fails=0{'' if o['balancer'].startswith('hash') else ' backup'};",
            f"keepalive {o['keepalive']};" if o["keepalive"] else "",
            "s3_probe interval=200ms timeout=300ms;" if o["probe"] and not plain else "",
            "s3_sticky_uploads chaos-key;" if o["sticky"] and not plain else "",
        ]
        return f"    upstream u{self.number} {{ {' '.join(filter(None, lines))} }}\n"

    def signed(self):
        """What makes a location one of the module."""
        o = self.options
        return (
            f"s3_resign on; s3_verify_payload {on_off(o['verify_payload'])}; s3_unknown_length {o['unknown_length']}; "
            f"s3_next_upstream refused_key {'slow_down' if o['slow_down'] else ''};"
        )

    def extras(self, plain):
        """What else stands in the location: lines that each have a condition."""
        o = self.options
        stale = (
            "proxy_cache_background_update on; proxy_cache_revalidate on; "
            "proxy_cache_use_stale error timeout invalid_header updating http_500 http_503 http_403 http_404;"
        )
        key = "$request_uri" if plain else "$s3_cache_key"
        cache = (
            f"proxy_cache c; proxy_cache_key {key}; proxy_cache_valid 200 2s; proxy_cache_lock {on_off(o['lock'])}; "
            f"proxy_cache_min_uses {o['min_uses']}; {stale if o['stale'] else ''} "
            "add_header x-cache $upstream_cache_status always;"
        )
        lines = {
            "aio threads; aio_write on;": o["aio"],
            "auth_request /auth;": o["auth"] and not plain,
            cache: o["cache"],
            "error_page 502 503 504 = @fallback;": o["fallback"],
            "gzip on; gzip_types *; gzip_min_length 1;": o["gzip"],
            "limit_conn clients 500;": o["limit_conn"] and not plain,
            "limit_rate 2m;": o["rate"],
            "mirror /mirror;": o["mirror"] and not plain,
            "proxy_ignore_client_abort on;": o["ignore_abort"],
            "proxy_intercept_errors on; error_page 404 412 500 = @fallback;": o["intercept"],
        }
        return " ".join(line for line, holds in lines.items() if holds)

    def block(self, old_http2, plain):
        o = self.options
        target = f"{self.group.scheme}://u{self.number}"
        listen = f"127.0.0.1:{self.http2_port}{' http2' if old_http2 else ''};{'' if old_http2 else ' http2 on;'}"
        verified = "" if plain else f"s3_verify apps; {self.signed()}"
        subrequests = f"""
        location = /auth {{
            internal; s3_verify off; {self.signed()}
            proxy_method HEAD; proxy_pass_request_body off;
            proxy_set_header Content-Length ""; proxy_set_header Connection ""; proxy_set_header User-Agent auth;
            proxy_pass {target}/bucket/auth;
        }}
        location = /mirror {{
            internal; {verified}
            proxy_set_header Connection ""; proxy_set_header User-Agent "mirror $http_user_agent";
            proxy_pass {target}$request_uri;
        }}"""
        return f"""
    server {{
        listen 127.0.0.1:{self.port} backlog=1024; listen {listen}
        proxy_http_version {o['version']}; proxy_next_upstream {o['next']}; proxy_next_upstream_tries {o['tries']};
        proxy_request_buffering {on_off(o['request_buffering'])}; client_body_buffer_size {o['body_buffer']};
        client_body_in_single_buffer {on_off(o['single_buffer'])}; sendfile {on_off(o['sendfile'])};
        proxy_buffering {on_off(o['buffering'])}; proxy_buffer_size {o['buffer_size']}; proxy_buffers 4 {o['buffer_size']};
        proxy_busy_buffers_size {o['buffer_size']}; proxy_max_temp_file_size {o['temp_file']};
        lingering_close {o['lingering']}; lingering_timeout 1s; proxy_ssl_session_reuse {on_off(o['session_reuse'])};
        location / {{ {self.extras(plain)} {verified} proxy_pass {target}; }}
        location @fallback {{ {verified} proxy_pass {target}; }}{'' if plain else subrequests}
    }}
"""
