#!/usr/bin/env python3
"""Half-hourly electricity demand in England and Wales, MW, from Debian's package r-cran-forecast.

usage: taylor.py OUT.csv [--half-hourly]

Fetches the package with `apt-get download` (nothing is installed), unpacks it and reads the series `taylor`, 4,032 half hours from Monday 2000-06-05 00:00 on
(J. W. Taylor, Short-term electricity demand forecasting using double seasonal exponential smoothing, Journal of the Operational Research Society 54, 2003).
The package is under GPL-3: the figures are written to OUT.csv and are not kept in the repository. Hours are means of two half hours.

An R data file of a package is an index (.rdx: where each object lies) and the objects (.rdb: 4 bytes of length, then deflated), each in R's serialization format, XDR.
"""

import argparse
import gzip
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib


class Xdr:
    """The part of R's serialization that lists and vectors of numbers and strings need."""

    def __init__(self, data):
        assert data[:2] == b"X\n", "not in XDR"
        self.data, self.at, self.known = data, 14, []
        if self.int_at(2) == 3:
            self.at += 4 + self.int_at(14)

    def int_at(self, at):
        return struct.unpack_from(">i", self.data, at)[0]

    def int(self):
        self.at += 4
        return self.int_at(self.at - 4)

    def numbers(self, code, size):
        n = self.int()
        out = struct.unpack_from(f">{n}{code}", self.data, self.at)
        self.at += n * size
        return list(out)

    def item(self):
        flags = self.int()
        kind, has_attributes, has_tag = flags & 255, flags & 512, flags & 1024
        if kind in (254, 253, 242, 241):
            return None
        if kind == 255:
            return self.known[(flags >> 8) - 1] if flags >> 8 else self.known[self.int() - 1]
        if kind == 1:
            self.known.append(self.item())
            return self.known[-1]
        if kind == 2:
            pairs = {}
            while kind == 2:
                if has_attributes:
                    self.item()
                name = self.item() if has_tag else None
                pairs[name] = self.item()
                flags = self.int()
                kind, has_attributes, has_tag = flags & 255, flags & 512, flags & 1024
            assert kind == 254, f"a pair list that ends with {kind}"
            return pairs
        if kind == 9:
            n = self.int()
            if n < 0:
                return None
            self.at += n
            return self.data[self.at - n : self.at].decode("latin-1")
        if kind in (10, 13):
            value = self.numbers("i", 4)
        elif kind == 14:
            value = self.numbers("d", 8)
        elif kind in (16, 19):
            value = [self.item() for _ in range(self.int())]
        else:
            raise ValueError(f"object of kind {kind} at {self.at}")
        attributes = self.item() if has_attributes else {}
        if kind == 19 and "names" in attributes:
            return dict(zip(attributes["names"], value))
        return value


def series(root, name):
    data = next(pathlib.Path(root).rglob("forecast/data/Rdata.rdx"))
    packed = data.read_bytes()
    index = Xdr(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else zlib.decompress(packed)).item()
    offset, length = index["variables"][name]
    packed = data.with_suffix(".rdb").read_bytes()[offset : offset + length]
    size = struct.unpack(">I", packed[:4])[0]
    body = zlib.decompress(packed[4:])
    assert len(body) == size
    return Xdr(body).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--half-hourly", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "download", "-q", "r-cran-forecast"], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        package = next(pathlib.Path(folder).glob("r-cran-forecast_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
        values = series(folder, "taylor")
        version = package.name.split("_")[1]
    if len(values) != 4032:
        sys.exit(f"taylor has {len(values)} values, not 4032")
    if not options.half_hourly:
        values = [(a + b) / 2 for a, b in zip(values[::2], values[1::2])]
    options.out.write_text("demand_mw\n" + "".join(f"{v!r}\n" for v in values))
    print(f"taylor of r-cran-forecast {version}: {len(values)} values, {min(values):g} to {max(values):g} MW")


if __name__ == "__main__":
    main()
