"""As much of RFC 6455 as Home Assistant and a browser's debugger need: text frames, masked on the way out."""
import base64
import json
import os
import socket
import struct

from .checks import Failed, need


class WebSocket:
    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.bytes = self.socket.makefile("rb")
        self.number = 0
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        need(b"101" in self.bytes.readline(), f"no websocket at {path}")
        while self.bytes.readline().strip():
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frame(self, kind, body):
        mask, size = os.urandom(4), len(body)
        head = bytes([0x80 | kind]) + (bytes([0x80 | size]) if size < 126 else
                                       b"\xfe" + struct.pack(">H", size) if size < 65536 else b"\xff" + struct.pack(">Q", size))
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))

    def send(self, **message):
        self.frame(1, json.dumps(message).encode())

    def receive(self):
        text = b""
        while True:
            head = self.bytes.read(2)
            if len(head) < 2 or head[0] & 0x0F == 8:
                raise Failed("the websocket was closed")
            size = head[1] & 0x7F
            if size >= 126:
                size = int.from_bytes(self.bytes.read(2 if size == 126 else 8), "big")
            body = self.bytes.read(size)
            if head[0] & 0x0F == 9:
                self.frame(10, body)
                continue
            text += body
            if head[0] & 0x80:
                return json.loads(text)

    def ask(self, **message):
        """Sends with a number of its own; the answer to that number."""
        self.number += 1
        self.send(id=self.number, **message)
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                return answer
