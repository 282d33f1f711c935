"""Measures the server and writes what came out. Run by run.sh."""

import argparse
import datetime
import os
import pathlib
import platform
import resource
import tempfile

from processes import Credentials
from rows import Bench, tool_versions

INTRODUCTION = """# Performance

What a request costs, measured against nginx giving a static answer of the same size over the same TLS: the server generates a data key
under a cached AES-256 key, with all checks, limits and metrics in force, for a client under a policy; 200 answers a run are decrypted again
to see that they are right.

Costs are processor time of the server (user and system) for a request, from `/proc/PID/stat`. Both servers are loaded in turn in one run,
and only the ratio of their costs means anything on a shared machine: its spread over the rounds stands beside it.

`./Benchmarks/run.sh` makes this page anew. It installs what it needs with apt and takes about twenty minutes.
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kes")
    parser.add_argument("libraries", help="directory of client_certificate.so and allocation_count.so")
    parser.add_argument("--short", action="store_true", help="two rounds of little, to find gross regressions; writes no page")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of each load")
    parser.add_argument("--keys", type=int, default=50_000)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--output", help="the page to write")
    options = parser.parse_args()
    if options.short:
        options.rounds, options.seconds = 2, 2
    libraries = [pathlib.Path(options.libraries, f"{name}.so") for name in ("client_certificate", "allocation_count")]
    for library in libraries:
        # The dynamic linker would only warn, and what is counted be wrong.
        if not library.exists():
            parser.error(f"there is no {library}: ./Benchmarks/run.sh builds it")
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    with tempfile.TemporaryDirectory() as work:
        os.chmod(work, 0o755)
        credentials = Credentials(options.kes, work)
        bench = Bench(options.kes, credentials, work, *libraries, options.rounds, options.seconds)
        rows = []
        for found in measurements(bench, options):
            rows.append(found)
            print(line(found), flush=True)
    missed = [found["title"] for found in rows if not found["met"]]
    if options.short:
        # Machines that run tests are noisy: only what is far off is a finding.
        far_off = [found["title"] for found in rows if "Alloc" in found["title"] and not found["met"] or gross(found)]
        if far_off:
            raise SystemExit("much slower than it was: " + "; ".join(far_off))
        return
    if options.output:
        pathlib.Path(options.output).write_text(page(rows, options))
    print("Missed: " + "; ".join(missed) if missed else "All targets are met.")


def measurements(bench, options):
    yield from bench.allocations("http1", 16)
    yield from bench.allocations("multiplexed", 20)
    targets = {"http1": 1.25, "http2": 0.95, "multiplexed": 0.45, "connections": 0.30}
    for kind, target in targets.items():
        yield from bench.against_nginx(kind, target)
    if options.short:
        return
    for kind, target in targets.items():
        yield from bench.against_nginx(kind, target, shared=True)
    yield from bench.audit()
    for compressed in (True, False):
        yield from bench.followers(10, compressed, held=True)
        yield from bench.followers(10, compressed)
    yield from bench.two_loops()
    yield from bench.empty()
    yield from bench.many_keys(options.keys, "sqlite")
    yield from bench.many_keys(options.keys, "fs")
    yield from bench.idle(options.connections)


def gross(found):
    return "CPU, ratio to nginx" in found["title"] and found["low"] > 4 * found["target"]


def number(value):
    return f"{value:.2f}" if value < 20 else f"{value:.0f}"


def line(found):
    comparison = "≥" if found["at_least"] else "≤"
    mark = "" if found["met"] else "  MISSED"
    spread = f"{number(found['low'])} to {number(found['high'])}"
    return f"{found['title']}: {number(found['value'])} ({spread}), to be {comparison} {number(found['target'])}{mark}  {found['detail']}"


def page(rows, options):
    processor = next(
        (text.split(":", 1)[1].strip() for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if "model name" in text),
        platform.machine())
    lines = [INTRODUCTION, "| | Median | Spread | Target | |", "|---|---|---|---|---|"]
    for found in rows:
        comparison = "≥" if found["at_least"] else "≤"
        lines.append(
            f"| {found['title']} | {number(found['value'])} | {number(found['low'])} to {number(found['high'])} | "
            f"{comparison} {number(found['target'])} | {'' if found['met'] else 'missed'} |")
    lines += ["", "Microseconds of each round, ours : nginx's:", ""]
    lines += [f"- {found['title']}: {found['detail']}" for found in rows if " : " in found["detail"]]
    lines += [""] + [f"{found['title']}: {found['detail']}." for found in rows if found["detail"] and " : " not in found["detail"]]
    lines += [
        "", f"{datetime.date.today()}, {os.cpu_count()} processors ({processor}), Linux {platform.release()}; {options.rounds} rounds of "
        f"{options.seconds} s. " + "; ".join(tool_versions()) + ".",
        "", (pathlib.Path(__file__).parent / "notes.md").read_text().rstrip(), "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
