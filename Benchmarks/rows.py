"""What is measured, a function for each row of the table."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

from clients import Followers, IdleConnections, Neighbour
from load import Load
from processes import Kes, Nginx


class Bench:
    def __init__(self, kes, credentials, work, preload, counter, rounds, seconds):
        self.kes, self.credentials, self.work = kes, credentials, work
        self.load = Load(credentials, work, preload)
        self.preload, self.counter, self.rounds, self.seconds = preload, counter, rounds, seconds

    def start(self, **options):
        return Kes(self.kes, self.credentials, self.work, **options)

    # Compared with nginx, alternating

    def against_nginx(self, kind, target, shared=False):
        """Processor time for a request and p99, as ratios to nginx's for a static answer of the same size.

        Server and load have a processor each, so that nobody waits for one but for the other. Or they share all of them: then the server
        has an event loop for each, and for p99, which counts who waits for a processor, nginx has as many workers.
        """
        server, client = (None, None) if shared else self.two_processors()
        load = Load(self.credentials, self.work, self.preload, client)
        kes, nginx = self.start(processors=server), Nginx(self.credentials, self.work, 1, server)
        equal = Nginx(self.credentials, self.work, os.cpu_count()) if shared else nginx
        costs, delays, figures = [], [], []
        for _ in range(self.rounds):
            ours, theirs = load(kind, kes, self.seconds), load(kind, nginx, self.seconds)
            costs.append(ours.cost / theirs.cost)
            if kind in ("http1", "connections"):
                delays.append(ours.p99 / (load(kind, equal, self.seconds) if shared else theirs).p99)
            else:
                logged = [load(kind, process, self.seconds, delays=True).p99 for process in (kes, equal)]
                delays.append(logged[0] / logged[1])
            figures.append(f"{ours.cost:.1f} : {theirs.cost:.1f} µs")
        verify(kes)
        memory = kes.resident()
        for process in {kes, nginx, equal}:
            process.stop()
        title = getattr(Load, kind).__doc__.rstrip(".") + (", on processors shared with the load" if shared else "")
        yield row(f"{title}: CPU, ratio to nginx", costs, target, detail=", ".join(figures))
        yield row(f"{title}: p99, ratio to nginx" + (" with as many workers as processors" if shared else ""), delays, 2.0)
        if kind == "http1" and shared:
            yield row("Memory under that load, MB", [memory], 30)

    def two_processors(self):
        """One for the server and one for the load; on a machine with a single one they share it."""
        usable = sorted(os.sched_getaffinity(0))
        return str(usable[0]), str(usable[-1])

    # Many keys

    def many_keys(self, count, keystore):
        """All keys cached against one key; and the first touch of each, in four parts of the same size."""
        with tempfile.TemporaryDirectory(dir=self.work) as directory:
            place = pathlib.Path(directory, "keys" if keystore == "fs" else "keys.db")
            section = f"{keystore}: {{ path: {place} }}"
            kes = self.start(keystore=section)
            names = [f"key-{number:05}" for number in range(count)]
            self.load.each(kes, self.uris(kes, "create", names), "PUT")
            kes.stop()
            yield self.starts(f"Start to first answer with {count:,} keys, {keystore}, ms", section)
            kes = self.start(keystore=section)
            uris = self.uris(kes, "generate", names)
            quarter = count // 4
            touches = [self.load.each(kes, uris[part * quarter:(part + 1) * quarter]).cost for part in range(4)]
            yield row(
                f"First touch, {keystore}: CPU of the last quarter of {count:,} keys, ratio to the first", [touches[3] / touches[0]],
                1.25, detail=", ".join(f"{cost:.0f}" for cost in touches) + " µs")
            ratios = []
            for _ in range(self.rounds):
                # One connection goes through all keys in turn; more would each go through the first ones.
                one = self.load("multiplexed", kes, self.seconds, uris=uris[:1])
                all_of_them = self.load("multiplexed", kes, self.seconds, uris=uris)
                ratios.append(one.cost / all_of_them.cost)
            yield row(f"{count:,} cached keys, {keystore}: requests for the same CPU, ratio to one key", ratios, 0.8, at_least=True)
            kes.stop()

    def empty(self):
        """The time that a start takes when there is nothing to read."""
        yield self.starts("Start to first answer, keys in memory, ms", "mem: {}")

    def starts(self, title, keystore):
        times = []
        for _ in range(9):
            kes = self.start(keystore=keystore)
            times.append(kes.seconds_to_answer * 1000)
            kes.stop()
        return row(title, times, 50, best=True)

    # What else costs

    def audit(self):
        """What the audit log, written to a file, adds."""
        with tempfile.TemporaryFile(dir=self.work) as log:
            silent, audited = self.start(), self.start(audit=log)
            ratios = []
            for _ in range(self.rounds):
                ratios.append(self.load("http2", audited, self.seconds).cost / self.load("http2", silent, self.seconds).cost)
            silent.stop()
            audited.stop()
        yield row("Audit log to a file: CPU, ratio to none", ratios, 1.15)

    def two_loops(self):
        """Requests for a second of processor time with two event loops, against one loop pinned to a processor; times two."""
        processor, _ = self.two_processors()
        one, two = self.start(processors=processor), self.start()
        nginx = [Nginx(self.credentials, self.work, 1, processor), Nginx(self.credentials, self.work, 2)]
        ratios, theirs = [], []
        for _ in range(self.rounds):
            ratios.append(2 * self.load("http2", one, self.seconds).cost / self.load("http2", two, self.seconds).cost)
            theirs.append(2 * self.load("http2", nginx[0], self.seconds).cost / self.load("http2", nginx[1], self.seconds).cost)
        for server in (one, two, *nginx):
            server.stop()
        detail = f"two workers of nginx: {statistics.median(theirs):.2f} ({min(theirs):.2f} to {max(theirs):.2f})"
        yield row("Two event loops: capacity, ratio to one", ratios, 1.8, at_least=True, detail=detail)

    def followers(self, count, compressed=False, held=False):
        """What clients cost that follow the audit log, compressed if they ask for it, and of whom the last does not read it.

        They share a processor with the load, of which they take from it what their own work is. Where the server is `held`, it shares its
        own with a neighbour that always has something to do: then the load and the followers have time to spare, and what is lost is lost
        by the server.
        """
        server, client = self.two_processors()
        load = Load(self.credentials, self.work, self.preload, client)
        kes = self.start(follow=True, processors=server)
        costs, rates = [], []
        with Neighbour(server) if held else contextlib.nullcontext():
            # Compared with what was before and after: the machine's own changes are as large as what is looked for.
            alone = [load("http2", kes, self.seconds)]
            for _ in range(2 * self.rounds):
                with Followers(kes, count, self.work, client, compressed) as followers:
                    followed = load("http2", kes, self.seconds)
                    followers.verify(followed.requests)
                alone.append(load("http2", kes, self.seconds))
                costs.append(followed.cost / statistics.mean(one.cost for one in alone[-2:]))
                rates.append(followed.rate / statistics.mean(one.rate for one in alone[-2:]))
        kes.stop()
        title = f"{count} followers of the audit log, {'gzip, ' if compressed else ''}one not reading, "
        title += "server with half a processor" if held else "sharing a processor with the load"
        yield row(f"{title}: CPU, ratio to none", costs, 1.15)
        yield row(f"{title}: requests/s, ratio to none", rates, 0.9, at_least=True)

    def idle(self, count):
        """Memory with connections that have made one request and do nothing any more."""
        for protocol in ("HTTP/1.1", "HTTP/2"):
            kes = self.start()
            connections = IdleConnections(kes, protocol, count)
            memory = kes.resident()
            connections.close()
            kes.stop()
            yield row(f"Memory with {count:,} idle connections, {protocol}, MB", [memory], 300 * count / 10000)

    def allocations(self, kind, streams):
        """Allocations for a request of a cached key: the same on every machine."""
        with tempfile.NamedTemporaryFile(dir=self.work) as count:
            count.write(bytes(8))
            count.flush()
            kes = self.start(environment={"LD_PRELOAD": str(self.counter), "ALLOCATION_COUNT": count.name})
            self.load(kind, kes, 1)
            before = int.from_bytes(pathlib.Path(count.name).read_bytes(), "little")
            requests = self.load(kind, kes, 2).requests
            after = int.from_bytes(pathlib.Path(count.name).read_bytes(), "little")
            kes.stop()
        yield row(f"Allocations for a request, {getattr(Load, kind).__doc__.rstrip('.')}", [(after - before) / requests], streams)

    def uris(self, kes, action, names):
        return [f"https://127.0.0.1:{kes.port}/v1/key/{action}/{name}" for name in names]


def row(title, values, target, at_least=False, best=False, detail=""):
    value = min(values) if best else statistics.median(values)
    return {
        "title": title, "value": value, "low": min(values), "high": max(values), "target": target, "at_least": at_least,
        "met": value >= target if at_least else value <= target, "detail": detail,
    }


def verify(kes, count=200):
    """Generated data keys are what their ciphertexts decrypt to, and no two are the same."""
    connection = http.client.HTTPSConnection("127.0.0.1", kes.port, context=kes.credentials.context)

    def call(action, body):
        connection.request("PUT", f"/v1/key/{action}/bench", json.dumps(body))
        response = connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise RuntimeError(f"{action} answered {response.status}: {text}")
        return json.loads(text)

    seen = set()
    for number in range(count):
        context = base64.b64encode(str(number).encode()).decode()
        generated = call("generate", {"context": context})
        decrypted = call("decrypt", {"ciphertext": generated["ciphertext"], "context": context})
        if decrypted["plaintext"] != generated["plaintext"] or generated["plaintext"] in seen:
            raise RuntimeError("a ciphertext does not decrypt to its data key, or a data key came twice")
        seen.add(generated["plaintext"])
    connection.close()


def tool_versions():
    def first(command):
        done = subprocess.run(command, capture_output=True, text=True)
        return (done.stdout + done.stderr).splitlines()[0]

    return [first(["nginx", "-v"]), first(["wrk", "-v"]), first(["h2load", "--version"]), first(["swift", "--version"])]
