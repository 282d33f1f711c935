"""Clients that do little: they follow a log, or hold a connection open."""

import concurrent.futures
import os
import pathlib
import socket
import subprocess
import tempfile
import time


class Followers:
    """Clients that follow the audit log. The last one reads nothing; the first keeps what it gets."""

    def __init__(self, kes, count, work, processors=None, compressed=False):
        self.file = tempfile.NamedTemporaryFile(dir=work)
        command = (["taskset", "-c", processors] if processors else []) + [
            "curl", "-skN", "--cert", str(kes.credentials.certificate), "--key", str(kes.credentials.key),
            f"https://127.0.0.1:{kes.port}/v1/log/audit", "-D", "/dev/stderr"] + (["--compressed"] if compressed else [])
        outputs = [self.file] + [subprocess.DEVNULL] * (count - 2) + [subprocess.PIPE]
        self.processes = [subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE) for output in outputs]
        for process in self.processes:
            if b" 200" not in process.stderr.readline():
                raise RuntimeError("the server refused a follower")

    def verify(self, requests):
        """Every event of the load has reached the first one, or is about to."""
        limit = 200
        while self.events() < requests:
            limit -= 1
            if limit == 0:
                raise RuntimeError(f"{self.events()} of {requests} events reached a follower")
            time.sleep(0.05)

    def events(self):
        return pathlib.Path(self.file.name).read_bytes().count(b'"path":"/v1/key/')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        self.file.close()


class Neighbour:
    """A process that always has something to do, so that another on the same processor gets half of it."""

    def __init__(self, processors):
        self.process = subprocess.Popen(["taskset", "-c", processors, "sh", "-c", "while :; do :; done"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class IdleConnections:
    """Connections that have made one request."""

    def __init__(self, kes, protocol, count):
        self.port, self.context = kes.port, kes.credentials.client_context()
        self.context.set_alpn_protocols(["h2" if protocol == "HTTP/2" else "http/1.1"])
        self.request = self.http2 if protocol == "HTTP/2" else self.http1
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            self.connections = list(pool.map(lambda _: self.connect(), range(count)))

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = self.context.wrap_socket(plain)
        self.request(connection)
        return connection

    @staticmethod
    def http1(connection):
        connection.sendall(b"GET /version HTTP/1.1\r\nHost: bench\r\n\r\n")
        if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
            raise RuntimeError("the server refused a request")

    @staticmethod
    def http2(connection):
        """RFC 9113: the preface, SETTINGS, a request whose fields are of HPACK's static table; and the whole answer."""
        fields = b"\x82\x87\x04\x08/version\x01\x05bench"
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4) + frame(1, 5, 1, fields))
        stream = connection.makefile("rb")
        while True:
            head = stream.read(9)
            if len(head) < 9:
                raise RuntimeError("the server closed a connection")
            length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
            stream.read(length)
            if kind == 4 and not flags & 1:
                connection.sendall(frame(4, 1))
            if kind == 0 and flags & 1:
                return

    def close(self):
        for connection in self.connections:
            connection.close()


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
