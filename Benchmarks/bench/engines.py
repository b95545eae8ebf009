"""The engines without HTTP beside the originals, each in a process of its own."""

import http.client
import os
import shutil
import subprocess
import time

from bench import servers
from bench.machine import request, tell
from bench.tables import Row, in_turns


def engine(bench, commands, size, count):
    """An engine without HTTP beside the original; each measures all cases in one run."""
    rates, units = {}, {}
    for number in range(bench.options.rounds):
        tell(f"{' and '.join(commands)}, {size} B: round {number + 1} of {bench.options.rounds}")
        for side, command in commands.items():
            folder = bench.folder("engine")
            output = subprocess.run(
                [*command, str(folder), str(size), str(count)], check=True, capture_output=True,
                text=True).stdout
            shutil.rmtree(folder)
            for line in output.splitlines():
                name, value, unit = line.split("\t")
                value = float(value)
                # The time of an opening becomes a rate, as the others are.
                rates.setdefault(name, {}).setdefault(side, []).append(
                    1 / value if unit == "s" else value)
                units[name] = "1/s" if unit == "s" else unit
    return [
        Row(f"{name}, {size} B ({units[name]})", sides, 0)
        for name, sides in rates.items() if len(sides) > 1]


def walk_journal(bench, real, count):
    """Rows a second of a walk over HTTP, beside those of the real cursor."""
    server = servers.tidemark(bench)
    request(server.port, "PUT", "/v1/journals/bench")
    text = b"m" * 100
    frames = (len(text).to_bytes(4, "big") + text) * 10_000
    for _ in range(count // 10_000):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request(
            "POST", "/v1/journals/bench/append?durability=written", frames,
            {"Content-Type": "application/x-record-frames"})
        assert connection.getresponse().status == 200
        connection.close()

    def tidemark():
        started = time.monotonic()
        size = subprocess.run(
            ["curl", "-s", "-o", os.devnull, "-w", "%{size_download}",
             f"http://127.0.0.1:{server.port}/v1/journals/bench/walk"], check=True,
            capture_output=True, text=True).stdout
        assert int(size) > count * 100
        return count / (time.monotonic() - started), 0

    def original():
        folder = bench.folder("engine")
        lines = subprocess.run(
            [real, str(folder), "100", str(count)], check=True, capture_output=True,
            text=True).stdout.splitlines()
        shutil.rmtree(folder)
        return float(lines[0].split("\t")[1]), 0

    row = in_turns(
        bench, f"{count:,} messages of 100 B", {"Tidemark": tidemark, "WiredTiger": original})
    bench.stop(server)
    return row


def mpool(bench):
    """The engine of buffer pools beside Berkeley DB's and plain pread, in the same runs."""
    programs = [bench.build_swift("MPoolBench"), bench.build_libdb()]
    rates, units = {}, {}
    for number in range(bench.options.rounds):
        tell(f"buffer pools: round {number + 1} of {bench.options.rounds}")
        folder = bench.folder("mpool")
        for program in filter(None, programs):
            output = subprocess.run(
                [program, folder], check=True, capture_output=True, text=True).stdout
            for line in output.splitlines():
                name, side, value, unit = line.split("\t")
                rates.setdefault(name, {}).setdefault(side, []).append(float(value))
                units[name] = f" ({unit})" if unit else ""
        shutil.rmtree(folder)
    return [Row(name + units[name], sides, 0) for name, sides in rates.items()]
