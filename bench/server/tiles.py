"""How long vector tiles of a large network take: every tile that a browser asks for while somebody pans and zooms over it.

    python bench/server/tiles.py --binary target/quick/gridtwin --data DIR --project large [--seconds 60] [--limit-ms 200]

The data folder holds a project with a large network (make e2e leaves one; `--large-data`). Four connections ask at once, as a browser does; each
walks over the network by itself, from the whole down to single streets. Nothing is asked twice by one of them, so that nothing comes from its
own cache. Ends with status 1 when the 95th percentile is above the limit.
"""

import argparse
import gzip
import http.client
import json
import math
import random
import re
import subprocess
import sys
import threading
import time


def tile_of(lon, lat, zoom):
    n = 2**zoom
    x = (lon + 180) / 360 * n
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
    return min(n - 1, max(0, int(x))), min(n - 1, max(0, int(y)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--project", default="large")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--limit-ms", type=float, default=200)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    server = subprocess.Popen(
        [a.binary, "serve", "--data", a.data, "--port", "0", "--no-auth", "--log", "warn"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        port = None
        for line in server.stdout:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            if found:
                port = int(found.group(1))
                break
        if port is None:
            sys.exit("the server did not start")
        # Nobody reads what it prints from here on.
        threading.Thread(target=lambda: [None for _ in server.stdout], daemon=True).start()

        def get(connection, path, unpack=False):
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, gzip.decompress(body) if unpack and answer.headers.get("Content-Encoding") == "gzip" else body

        def ask(path):
            status, body = get(http.client.HTTPConnection("127.0.0.1", port), path, unpack=True)
            if status != 200:
                sys.exit(f"{path}: {status} {body[:300]}")
            return json.loads(body)

        network = ask(f"/api/projects/{a.project}/networks")["items"][0]["name"]
        begun = time.perf_counter()
        of = ask(f"/api/projects/{a.project}/networks/{network}/map")
        first_ms = (time.perf_counter() - begun) * 1e3
        west, south, east, north = of["bounds"]
        deepest = min(of["zoom_max"], 18)
        whole = max(0, int(math.log2(360 / max(east - west, 1e-9))))
        # The server reads the newest networks right after it has started; the first tile waits for that.
        begun = time.perf_counter()
        x, y = tile_of((west + east) / 2, (south + north) / 2, deepest)
        get(http.client.HTTPConnection("127.0.0.1", port), of["tiles"].format(z=deepest, x=x, y=y))
        ready_s = time.perf_counter() - begun
        took, faults, size = [], [], [0]

        def walk(seed):
            rng = random.Random(seed)
            connection = http.client.HTTPConnection("127.0.0.1", port)
            asked = set()
            end = time.perf_counter() + a.seconds
            while time.perf_counter() < end:
                # A view is 4 by 3 tiles around a place.
                zoom = rng.randint(whole, deepest)
                cx, cy = tile_of(rng.uniform(west, east), rng.uniform(south, north), zoom)
                for dx in range(-2, 2):
                    for dy in range(-1, 2):
                        x, y = cx + dx, cy + dy
                        if not (0 <= x < 2**zoom and 0 <= y < 2**zoom) or (zoom, x, y) in asked:
                            continue
                        asked.add((zoom, x, y))
                        start = time.perf_counter()
                        status, body = get(connection, of["tiles"].format(z=zoom, x=x, y=y))
                        took.append((zoom, (time.perf_counter() - start) * 1e3))
                        size[0] += len(body)
                        if status not in (200, 204):
                            faults.append((status, zoom, x, y))
                time.sleep(0.02)

        walkers = [threading.Thread(target=walk, args=(a.seed * 1000 + k,)) for k in range(4)]
        [w.start() for w in walkers]
        [w.join() for w in walkers]
        ordered = sorted(ms for _, ms in took)
        at = lambda q: ordered[min(len(ordered) - 1, int(q * len(ordered)))]
        print(f"{of['elements']} elements, {of['buses']} buses; summary of the map after {first_ms:.0f} ms, the first tile of a server that has just started after {ready_s:.1f} s")
        print(f"{len(ordered)} tiles of zoom {whole} to {deepest}, {size[0] / len(ordered) / 1e3:.1f} kB each: 50 % {at(0.5):.1f} ms, 95 % {at(0.95):.1f} ms, 99 % {at(0.99):.1f} ms, most {ordered[-1]:.1f} ms; {len(faults)} refused {faults[:3]}")
        slow = sorted(took, key=lambda t: -t[1])[:5]
        print("slowest:", ", ".join(f"zoom {z} {ms:.0f} ms" for z, ms in slow))
        sys.exit(1 if faults or at(0.95) > a.limit_ms else 0)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
