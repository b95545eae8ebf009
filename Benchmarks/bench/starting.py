"""How long the service takes to be ready."""

import statistics

from bench import servers
from bench.machine import request, tell


def ready(bench, pools):
    """From the start of the process to the first 200 of /readyz."""
    empty, full = bench.folder("data"), bench.folder("data")
    server = servers.tidemark(bench, full)
    request(server.port, "PUT", "/v1/pools/template")
    bench.stop(server)
    with open(full / "pools/template", "rb") as file:
        pages = file.read(8192)
    tell(f"ready: making {pools} pools")
    for number in range(pools):
        # Holes are filled when a pool opens; for the start they make no difference.
        with open(full / f"pools/p{number}", "wb") as file:
            file.write(pages)
            file.truncate(2 << 20)
    times = {"empty": [], "full": []}
    for _ in range(bench.options.rounds):
        for name, data in (("empty", empty), ("full", full)):
            server = servers.tidemark(bench, data)
            times[name].append(server.seconds_to_ready * 1000)
            bench.stop(server)
    print(f"\nTime to ready, median: {statistics.median(times['full']):.0f} ms with {pools} pools, "
          f"{statistics.median(times['empty']):.0f} ms with none.", flush=True)
