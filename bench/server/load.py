#!/usr/bin/env python3
"""Load on a server: many WebSocket clients and many requests at once, for a while.

A job is begun every second; each tells its states to every client that has subscribed. Requests go over the routes that pages ask for, at a fixed rate that
does not wait for answers (a slow answer delays no later request, so that waiting in the queue of the server is counted).

Reported: latency of requests from the moment each was due to its last byte; spread of a message over the clients (from the first client that has it to
each other one); messages that a client missed or got twice; frames whose number is not one more than that of the frame before; memory of the server at the
start, after each tenth of the time and at the end.

Needs aiohttp. usage: load.py --binary target/release/gridtwin [--clients 500] [--rate 200] [--seconds 600]
"""

import argparse
import asyncio
import base64
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 0.05


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(p / 100 * len(values)))] if values else float("nan")


def rss_mb(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


class Watcher(asyncio.Protocol):
    """A WebSocket client that costs little, so that what is measured is the server: it reads frames as they come and notes when a job ended."""

    ENDED = re.compile(rb'"id":"([0-9a-f]+)".*"state":"(?:done|failed)"|"state":"(?:done|failed)".*"id":"([0-9a-f]+)"')

    def __init__(self, host, ends, faults, opened):
        self.host, self.ends, self.faults, self.opened = host, ends, faults, opened
        self.buffer, self.last, self.is_open = b"", 0, False

    def connection_made(self, transport):
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(f"GET /api/ws HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())

    def frame(self, opcode, payload):
        # Masked with zeros, which leaves the bytes as they are.
        self.transport.write(bytes([0x80 | opcode, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)

    def data_received(self, data):
        now = time.monotonic()
        data = self.buffer + data
        at = 0
        if not self.is_open:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self.buffer = data
                return
            if not data.startswith(b"HTTP/1.1 101"):
                raise SystemExit(f"the server refuses a socket: {data[:300]!r}")
            at, self.is_open = end + 4, True
            self.frame(1, b'{"subscribe":["jobs"]}')
            self.opened()
        while at + 2 <= len(data):
            size, head = data[at + 1] & 0x7F, 2
            if size == 126 and at + 4 <= len(data):
                size, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
            elif size == 127 and at + 10 <= len(data):
                size, head = int.from_bytes(data[at + 2 : at + 10], "big"), 10
            elif size >= 126:
                break
            if at + head + size > len(data):
                break
            opcode, payload = data[at] & 0xF, data[at + head : at + head + size]
            at += head + size
            if opcode == 9:
                self.frame(10, payload)
            elif opcode == 8:
                self.faults["closed"] += 1
            elif opcode == 1:
                number = int(payload[7 : payload.index(b",")])
                self.faults["number"] += number != self.last + 1
                self.last = number
                self.faults["gap"] += b'"type":"gap"' in payload
                ended = self.ENDED.search(payload)
                if ended:
                    job = (ended[1] or ended[2]).decode()
                    self.faults["twice"] += job in self.ends
                    self.ends.setdefault(job, now)
        self.buffer = data[at:]

    def connection_lost(self, reason):
        self.faults["lost"] += not self.transport.is_closing()


async def sockets(url, n, seconds, ready, answer):
    """Clients that subscribe to all jobs and note when each message came."""
    ends = [dict() for _ in range(n)]
    faults = {"gap": 0, "number": 0, "closed": 0, "twice": 0, "lost": 0}
    host = url.removeprefix("http://")
    loop, count = asyncio.get_running_loop(), []
    address, port = host.rsplit(":", 1)
    watchers = [await loop.create_connection(lambda i=i: Watcher(host, ends[i], faults, lambda: count.append(1)), address, int(port)) for i in range(n)]
    while len(count) < n:
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    ready.set()
    await asyncio.sleep(seconds + 5)
    for transport, _ in watchers:
        transport.close()
    answer.put((ends, faults))


def run_sockets(*arguments):
    asyncio.run(sockets(*arguments))


async def requests(url, rate, seconds, paths, answer):
    latencies, refused = [], []

    async def one(session, path, due):
        try:
            async with session.get(url + path) as response:
                await response.read()
                if response.status != 200:
                    refused.append((path, response.status))
        except aiohttp.ClientError as e:
            refused.append((path, repr(e)))
        latencies.append((time.monotonic() - due, path))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session:
        begin, tasks = time.monotonic(), set()
        for k in range(int(rate * seconds)):
            due = begin + k / rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            task = asyncio.create_task(one(session, paths[k % len(paths)], due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
    answer.put((latencies, refused))


def run_requests(*arguments):
    asyncio.run(requests(*arguments))


async def call(url, method, path, body=None):
    async with aiohttp.ClientSession() as session, session.request(method, url + path, json=body) as response:
        return await response.json()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=600)
    a = parser.parse_args()
    binary = str(Path(a.binary).resolve())
    with tempfile.TemporaryDirectory() as work:
        project = Path(work) / "projects" / "north"
        project.parent.mkdir()
        for command in (["project", "new", project], ["project", "import", project, ROOT / "models/ieee123/ieee123.dss"]):
            subprocess.run([binary, *map(str, command)], check=True, stdout=subprocess.DEVNULL)
        server = subprocess.Popen([binary, "serve", "--data", work, "--port", "0", "--no-auth", "--log", "error"], stdout=subprocess.PIPE, text=True)
        try:
            url = server.stdout.readline().strip().rsplit(" at ", 1)[1]
            job = asyncio.run(call(url, "POST", "/api/jobs", {"kind": "solve_year", "project": "north", "params": {"study": "base", "hours": 168}}))
            while asyncio.run(call(url, "GET", f"/api/jobs/{job['id']}"))["state"] not in ("done", "failed"):
                time.sleep(0.2)
            network, run = "/api/projects/north/networks/ieee123", "/api/projects/north/runs/base"
            paths = [
                "/api/session", "/api/overview", "/api/projects", f"{network}/map", f"{network}/geometry", f"{network}/elements?limit=50",
                f"{network}/elements?search=load&limit=20", f"{run}/summary", f"{run}/violations?limit=50",
                f"{run}/scorecards", f"{run}/values?network=ieee123&quantity=loading_max_pct", "/api/jobs?limit=20",
            ]
            for path in paths:
                asyncio.run(call_any(url, path))
            memory = [rss_mb(server.pid)]
            ready, answers, latencies = multiprocessing.Event(), multiprocessing.Queue(), multiprocessing.Queue()
            watchers = multiprocessing.Process(target=run_sockets, args=(url, a.clients, a.seconds, ready, answers))
            watchers.start()
            ready.wait(60)
            askers = multiprocessing.Process(target=run_requests, args=(url, a.rate, a.seconds, paths, latencies))
            askers.start()
            jobs, begin = [], time.monotonic()
            while (passed := time.monotonic() - begin) < a.seconds - 3:
                jobs.append(asyncio.run(call(url, "POST", "/api/jobs", {"kind": "quality", "project": "north", "params": {}}))["id"])
                if passed > a.seconds / 10 * len(memory):
                    memory.append(rss_mb(server.pid))
                time.sleep(max(0, begin + len(jobs) - time.monotonic()))
            times, refused = latencies.get(timeout=a.seconds + 60)
            ends, faults = answers.get(timeout=a.seconds + 60)
            askers.join(), watchers.join()
            memory.append(rss_mb(server.pid))
        finally:
            server.terminate()
            server.wait(30)
    first = {j: min((e[j] for e in ends if j in e), default=None) for j in jobs}
    spread = [e[j] - first[j] for e in ends for j in jobs if j in e]
    missed = sum(j not in e for e in ends for j in jobs)
    seconds = [t for t, _ in times]
    print(f"clients {a.clients}, requests {len(seconds)} at {a.rate:g}/s for {a.seconds:g} s, jobs {len(jobs)}, {os.cpu_count()} cores for server and clients")
    print(f"requests   50 % {percentile(seconds, 50) * 1e3:.1f} ms, 95 % {percentile(seconds, 95) * 1e3:.1f} ms, 99 % {percentile(seconds, 99) * 1e3:.1f} ms, refused {len(refused)} {refused[:3]}")
    for path in paths:
        own = [t for t, p in times if p == path]
        print(f"  {path:70} 95 % {percentile(own, 95) * 1e3:8.1f} ms")
    print(f"messages   {len(spread)}, spread 95 % {percentile(spread, 95) * 1e3:.1f} ms, missed {missed}, {faults}")
    print(f"memory     {' → '.join(f'{m:.0f}' for m in memory)} MB (start, each tenth, end)")
    lost = missed + sum(faults.values()) + len(refused)
    is_slow = percentile(seconds, 95) > LIMIT_S or percentile(spread, 95) > LIMIT_S
    sys.exit(1 if lost or is_slow else 0)


async def call_any(url, path):
    async with aiohttp.ClientSession() as session, session.get(url + path) as response:
        body = await response.read()
        if response.status != 200:
            raise SystemExit(f"{path}: {response.status} {body[:300]!r}")


if __name__ == "__main__":
    main()
