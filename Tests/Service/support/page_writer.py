"""Writers of pages that know which versions were acknowledged as flushed, and the judge of what is
found afterwards."""

import http.client
import struct
import threading

from support.mpools import PAGE, MPool

OPTIONS = {"cachesize": 65_536}
PAGES = 30


def page(pgno, version):
    """Tells its number and version in every line of the disk."""
    return struct.pack("<QQ", pgno, version) * (PAGE // 16)


def version_of(pgno, data):
    """The version of a page; 0 for one that was never written, None for one that is not whole."""
    number, version = struct.unpack_from("<QQ", data)
    if data == bytes(len(data)):
        return 0
    # The last four bytes may hold a checksum.
    return version if data[:-4] == page(pgno, version)[:-4] else None


def open_pool(client, **options):
    """The pool m with the file f of so many pages that they do not fit into it."""
    pool = MPool(client, "m", **OPTIONS)
    pool.open(path="f.db", **options)
    return pool


class PageWriter(threading.Thread):
    """Writes pages of its own and flushes them, until it is stopped or the server is gone."""

    def __init__(self, server, number, dice):
        super().__init__()
        self.server, self.number, self.dice = server, number, dice
        self.stop = threading.Event()
        self.put, self.flushed = {}, {}
        self.odd = []

    def run(self):
        version = 0
        try:
            with self.server.new_client() as client:
                while not self.stop.is_set():
                    for _ in range(self.dice.randint(1, 6)):
                        version += 1
                        pgno = self.number * PAGES + self.dice.randrange(PAGES)
                        self.put[pgno] = version
                        answer = client.put(
                            f"/v1/mpools/m/files/f/pages/{pgno}", page(pgno, version),
                            type="application/octet-stream")
                        if answer.status not in (201, 204):
                            self.odd.append(answer)
                    before = dict(self.put)
                    answer = client.post(self.dice.choice(
                        ["/v1/mpools/m/files/f/fsync", "/v1/mpools/m/sync"]))
                    if answer.status == 200:
                        self.flushed = before
                    elif answer.status != 202:
                        self.odd.append(answer)
        except (OSError, http.client.HTTPException):
            return


def judge(pool, flushed, put):
    """What is wrong with the pages of a pool that was opened again."""
    faults = []
    for pgno, newest in put.items():
        answer = pool.get(pgno)
        wanted = flushed.get(pgno, 0)
        if answer.status == 404 and not wanted:
            continue
        found = version_of(pgno, answer.body) if answer.status == 200 else None
        if found is None or not wanted <= found <= newest:
            faults.append(f"page {pgno} is {found}, not from {wanted} to {newest}: {answer}")
    return faults
