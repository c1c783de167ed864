"""Runs a program that prints JSON, and prints its CPU time, memory and totals: timed.py PROGRAM ARGUMENT..."""

import json
import resource
import subprocess
import sys
import time

begin = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)
wall = time.monotonic() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
report = json.loads(done.stdout)
cpu = used.ru_utime + used.ru_stime
rows = sum(f["rows"] for f in report["files"])
print(
    json.dumps(
        {
            "rows": rows,
            "delivered_kwh": report["totals"]["delivered_kwh"],
            "cpu_s": round(cpu, 2),
            "wall_s": round(wall, 2),
            "rss_mb": round(used.ru_maxrss / 1024),
            "million_rows_per_cpu_s": round(rows / cpu / 1e6, 2),
        }
    )
)
