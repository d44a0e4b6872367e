"""Sends one HTTP/3 request: http3.py PORT < JSON {method, path, authority, headers, body_size, pieces}; prints JSON {status, body}."""

import asyncio
import json
import ssl
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.status, self.body, self.done = None, b"", asyncio.get_running_loop().create_future()

    def quic_event_received(self, event):
        for received in self.http.handle_event(event):
            if isinstance(received, HeadersReceived):
                self.status = dict(received.headers)[b":status"].decode()
            elif isinstance(received, DataReceived):
                self.body += received.data
            if received.stream_ended and not self.done.done():
                self.done.set_result(None)

    async def request(self, wanted):
        stream = self._quic.get_next_available_stream_id()
        headers = [(b":method", wanted["method"]), (b":scheme", "https"), (b":path", wanted["path"])]
        if wanted.get("authority"):
            headers.append((b":authority", wanted["authority"]))
        headers += [(name.lower().encode(), value) for name, value in wanted["headers"]]
        body = b"x" * wanted["body_size"]
        headers = [(name, str(value).encode()) for name, value in headers]
        self.http.send_headers(stream, headers, end_stream=not body and not wanted.get("pieces"))
        # A DATA frame each; with "pieces", each comes when what came before could have gone on.
        pieces = wanted.get("pieces") or [16384] * ((len(body) + 16383) // 16384)
        for index, size in enumerate(pieces):
            self.http.send_data(stream, body[:size], end_stream=index + 1 == len(pieces))
            body = body[size:]
            if wanted.get("pieces"):
                self.transmit()
                await asyncio.sleep(0.3)
        self.transmit()
        await asyncio.wait_for(self.done, 20)


async def main():
    wanted = json.load(sys.stdin)
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    async with connect("127.0.0.1", int(sys.argv[1]), configuration=configuration, create_protocol=Client) as client:
        await client.request(wanted)
        print(json.dumps({"status": int(client.status), "body": client.body.decode("latin-1")}))


asyncio.run(main())
