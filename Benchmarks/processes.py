"""The servers that are measured, as processes, and what they cost."""

import os
import pathlib
import signal
import socket
import ssl
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
# As long as an answer to a generate of an AES-256 key.
STATIC_REPLY = '{"plaintext":"' + "A" * 43 + '=","ciphertext":"' + "A" * 104 + '"}'


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A server that listens on 127.0.0.1."""

    def __init__(self, pid, port):
        self.pid, self.port = pid, port
        self.pids = [pid]

    def cpu(self):
        """Seconds of processor time, all threads, user and system."""
        ticks = 0
        for pid in self.pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def resident(self):
        """Megabytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("no VmRSS")


class Credentials:
    """A directory made by `kes init`, whose administrator's certificate is used as that of an ordinary client."""

    def __init__(self, kes, work):
        self.directory = pathlib.Path(work, "credentials")
        subprocess.run([kes, "init", str(self.directory)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.certificate, self.key = self.directory / "admin.crt", self.directory / "admin.key"
        self.server_certificate, self.server_key = self.directory / "server.crt", self.directory / "server.key"
        self.identity = subprocess.run(
            [kes, "identity", "of", str(self.certificate)], check=True, capture_output=True, text=True).stdout.strip()
        self.context = self.client_context()

    def client_context(self):
        context = ssl.create_default_context(cafile=str(self.server_certificate))
        context.check_hostname = False
        context.load_cert_chain(self.certificate, self.key)
        return context


class Kes(Process):
    """The server under test: an ordinary client under a policy, and no administrator, as in production."""

    def __init__(self, kes, credentials, work, keystore="mem: {}", audit=None, processors=None, environment=None, follow=False):
        self.credentials = credentials
        self.started = time.monotonic()
        port = free_port()
        configuration = pathlib.Path(work, f"config-{port}.yml")
        configuration.write_text(f"""
address: 127.0.0.1:{port}
admin: {{ identity: disabled }}
tls: {{ key: {credentials.server_key}, cert: {credentials.server_certificate} }}
cache: {{ expiry: {{ any: 1h, unused: 1h }} }}
policy:
  application:
    allow: [ /v1/key/create/*, /v1/key/generate/*, /v1/key/encrypt/*, /v1/key/decrypt/*, /v1/status{", /v1/log/audit" if follow else ""} ]
    deny: [ /v1/key/generate/internal* ]
    identities: [ {credentials.identity} ]
log: {{ error: on, audit: {"on" if audit else "off"} }}
keys: [ {{ name: bench }} ]
keystore: {{ {keystore} }}
""")
        command = [kes, "server", "--config", str(configuration)]
        if processors:
            command = ["taskset", "-c", processors] + command
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=audit or subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=dict(os.environ, **(environment or {})))
        super().__init__(self.process.pid, port)
        self.wait_for_answer()

    def wait_for_answer(self):
        while self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port)) as plain:
                    # As HTTP clients do: else the request waits 40 ms for a delayed acknowledgement of the handshake.
                    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    with self.credentials.context.wrap_socket(plain) as connection:
                        connection.sendall(b"GET /version HTTP/1.1\r\nHost: bench\r\n\r\n")
                        if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                            self.seconds_to_answer = time.monotonic() - self.started
                            return
            except ConnectionRefusedError:
                time.sleep(0.0005)
        raise RuntimeError(self.process.stderr.read().decode())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate()
        if self.process.returncode != 0:
            raise RuntimeError(f"the server ended with {self.process.returncode}")


class Nginx(Process):
    """nginx, with one worker unless told otherwise, answering the same bytes over the same TLS without doing anything."""

    def __init__(self, credentials, work, workers=1, processors=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=work, prefix="nginx-"))
        self.directory.chmod(0o755)
        port = free_port()
        configuration = self.directory / "nginx.conf"
        configuration.write_text(f"""
user root; worker_processes {workers}; pid {self.directory}/pid; error_log {self.directory}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {credentials.server_certificate}; ssl_certificate_key {credentials.server_key};
    ssl_verify_client optional_no_ca; ssl_protocols TLSv1.3;
    location / {{ default_type application/json; return 200 '{STATIC_REPLY}'; }}
  }}
}}
""")
        pinned = ["taskset", "-c", processors] if processors else []
        self.process = subprocess.Popen(pinned + ["nginx", "-g", "daemon off;", "-c", str(configuration)])
        pids = []
        while len(pids) < workers:
            if self.process.poll() is not None:
                raise RuntimeError((self.directory / "error.log").read_text())
            time.sleep(0.05)
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
            pids = [int(child) for child in children.split()]
        super().__init__(pids[0], port)
        self.pids = pids

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
