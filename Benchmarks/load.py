"""Load by wrk and h2load, with what the server under it spent."""

import dataclasses
import os
import pathlib
import re
import subprocess


@dataclasses.dataclass
class Result:
    requests: int
    seconds: float
    cpu: float
    p99: float | None  # microseconds

    @property
    def rate(self):
        return self.requests / self.seconds

    @property
    def cost(self):
        """Microseconds of the server's processor time for a request."""
        return self.cpu * 1e6 / self.requests


class Load:
    def __init__(self, credentials, work, preload, processors=None):
        self.work = pathlib.Path(work)
        self.prefix = ["taskset", "-c", processors] if processors else []
        self.environment = dict(
            os.environ, LD_PRELOAD=str(preload), CLIENT_CERTIFICATE=str(credentials.certificate), CLIENT_KEY=str(credentials.key))
        self.body = self.work / "body.json"
        self.body.write_text('{"context":""}')
        script = 'wrk.method="PUT"; wrk.body=\'{"context":""}\'; wrk.headers["Content-Type"]="application/json"\n'
        (self.work / "keep.lua").write_text(script)
        (self.work / "close.lua").write_text(script + 'wrk.headers["Connection"]="close"\n')

    def __call__(self, kind, server, seconds=5.0, **options):
        return getattr(self, kind)(server, seconds, **options)

    def http1(self, server, seconds):
        """HTTP/1.1, 64 connections."""
        return self._wrk(server, seconds, 64, "keep.lua")

    def connections(self, server, seconds):
        """A connection for each request, 16 at a time."""
        return self._wrk(server, seconds, 16, "close.lua")

    def http2(self, server, seconds, **options):
        """HTTP/2, 64 connections with a request at a time."""
        return self._h2load(server, seconds, 64, 1, **options)

    def multiplexed(self, server, seconds, **options):
        """HTTP/2, a connection with 100 requests at a time."""
        return self._h2load(server, seconds, 1, 100, **options)

    def each(self, server, uris, method="POST"):
        """Each URI once, over one HTTP/2 connection: each client of h2load begins with the first."""
        arguments = ["-n", str(len(uris)), "-c", "1", "-m", "100", "-i", self._list(uris)]
        arguments += ["-d", str(self.body)] if method == "POST" else ["-H", f":method: {method}"]
        return self._run_h2load(server, arguments, None)

    def _wrk(self, server, seconds, connections, script):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(self.work / script)]
        before = server.cpu()
        output = self._run(command + [f"https://127.0.0.1:{server.port}/v1/key/generate/bench"])
        cpu = server.cpu() - before
        if "Non-2xx" in output:
            raise RuntimeError(f"not all requests succeeded:\n{output}")
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", output).groups()
        return Result(
            int(re.search(r"(\d+) requests in", output)[1]), seconds, cpu, float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit])

    def _h2load(self, server, seconds, connections, streams, uris=None, delays=False):
        arguments = [f"-c{connections}", f"-m{streams}", f"-D{seconds}", "-d", str(self.body)]
        log = None
        if delays:
            # Only when asked: writing it slows h2load down, and with it changes what is measured.
            log = self.work / "h2load.log"
            log.unlink(missing_ok=True)
            arguments.append(f"--log-file={log}")
        if uris:
            arguments += ["-i", self._list(uris)]
        else:
            arguments.append(f"https://127.0.0.1:{server.port}/v1/key/generate/bench")
        return self._run_h2load(server, arguments, log, seconds)

    def _run_h2load(self, server, arguments, log, seconds=None):
        before = server.cpu()
        output = self._run(["h2load", "-t1", "-H", "content-type: application/json"] + arguments)
        cpu = server.cpu() - before
        good = int(re.search(r"status codes: (\d+) 2xx", output)[1])
        other = re.search(r"2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output).groups()
        if good == 0 or any(int(count) for count in other):
            raise RuntimeError(f"not all requests succeeded:\n{output}")
        if seconds is None:
            number, unit = re.search(r"finished in ([\d.]+)(us|ms|s)", output).groups()
            seconds = float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]
        return Result(good, seconds, cpu, self._p99(log) if log else None)

    @staticmethod
    def _p99(log):
        times = sorted(int(line.split()[2]) for line in log.read_text().splitlines())
        return float(times[int(len(times) * 0.99)])

    def _list(self, uris):
        path = self.work / "uris"
        path.write_text("\n".join(uris) + "\n")
        return str(path)

    def _run(self, command):
        done = subprocess.run(self.prefix + command, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout
