"""The sums of `gridtwin meters import`, made by DuckDB on one thread: meter -> transformer -> feeder of a long table.

    duckdb_sums.py YEAR.csv MAP.csv OUT_DIR

Prints rows, CPU seconds (user and system), the greatest resident set and the total, as JSON.
"""

import json
import resource
import sys
import time

import duckdb

year, places, out = sys.argv[1:4]
db = duckdb.connect(config={"threads": 1})
begin, wall = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
db.execute(f"create table places as select * from read_csv('{places}')")
db.execute(
    f"""create table sums as
    select p.feeder, p.transformer, r.interval_end, sum(r.kwh_delivered) as delivered_kwh, count(*) as n
    from read_csv('{year}', header=true, delim=',',
        columns={{'meter_id': 'VARCHAR', 'interval_end': 'TIMESTAMP', 'kwh_delivered': 'DOUBLE', 'quality': 'VARCHAR'}}) r
    join places p on p.meter = r.meter_id
    group by all"""
)
db.execute(f"copy sums to '{out}/transformers.parquet' (format parquet)")
db.execute(f"copy (select feeder, interval_end, sum(delivered_kwh), sum(n) from sums group by all) to '{out}/feeders.parquet' (format parquet)")
end = resource.getrusage(resource.RUSAGE_SELF)
rows, total = db.execute("select sum(n), sum(delivered_kwh) from sums").fetchone()
print(
    json.dumps(
        {
            "rows": int(rows),
            "delivered_kwh": total,
            "cpu_s": round(end.ru_utime + end.ru_stime - begin.ru_utime - begin.ru_stime, 2),
            "wall_s": round(time.monotonic() - wall, 2),
            "rss_mb": round(end.ru_maxrss / 1024),
            "duckdb": duckdb.__version__,
        }
    )
)
