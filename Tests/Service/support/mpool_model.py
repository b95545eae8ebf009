"""The rules of buffer pools as a small program: strict LRU, and every counter, event and byte.

`Model(folder).run(lines)` works through a trace and gives what `MPoolTrace replay` prints, with the
contents of the files. It keeps files in memory, and shares no code with the service.
"""

from collections import OrderedDict

MASK = (1 << 64) - 1
COUNTERS = ("st_cache_hit", "st_cache_miss", "st_map", "st_page_create", "st_page_in",
            "st_page_out")
MOST_PINS = 65_535


class Refused(Exception):
    """A call that failed, with the name of its error number."""


def made_page(size, pgno, zero=False):
    """What mkfile puts on page `pgno`."""
    first = pgno.to_bytes(8, "little")
    if zero:
        return first + bytes(size - 8)
    second = (pgno * 0x9E3779B97F4A7C15 & MASK).to_bytes(8, "little")
    return ((first + second) * (size // 16))[:size]


class Filter:
    """One of the trace language's page filters; it counts its calls."""

    def __init__(self, text):
        self.kind, _, value = text.partition(":")
        self.value = int(value or "0", 0)
        self.calls = {"pgin": 0, "pgout": 0}

    def apply(self, way, pgno, page, cookie):
        self.calls[way] += 1
        if self.kind == "swap32":
            for at in range(0, len(page), 4):
                page[at:at + 4] = page[at:at + 4][::-1]
        elif self.kind.startswith("xor"):
            byte = {"xor": self.value, "xorpage": pgno,
                    "xorcookie": (cookie or b"\0")[0]}[self.kind] & 255
            page[:] = bytes(each ^ byte for each in page)
        elif self.kind == {"pgin": "failin", "pgout": "failout"}[way] and pgno == self.value:
            raise Refused("EIO")


class File:
    """A file in the pool, which all its handles share."""

    def __init__(self, name, disk, options):
        self.name, self.disk, self.options = name, disk, options
        self.handles = 0
        self.mappable = True
        self.size = options["pagesize"]
        self.first_last = max(len(disk) // self.size - 1, 0)
        self.counts = dict.fromkeys(COUNTERS, 0)

    def read(self, pgno):
        part = self.disk[pgno * self.size:(pgno + 1) * self.size]
        return bytearray(part) if len(part) == self.size else None

    def write(self, pgno, page):
        end = pgno * self.size
        if len(self.disk) < end:
            self.disk.extend(bytes(end - len(self.disk)))
        self.disk[end:end + self.size] = page


class Page:
    def __init__(self, file, pgno, data):
        self.file, self.pgno, self.data = file, pgno, data
        self.pins, self.dirty, self.discard, self.pending = 1, False, False, False


class Handle:
    def __init__(self, file, rdonly, mapped):
        self.file, self.rdonly, self.mapped = file, rdonly, mapped


class Model:
    def __init__(self):
        self.disks, self.files, self.handles, self.pins = {}, {}, {}, {}
        self.filters, self.events, self.line = {}, [], 0
        self.pages = OrderedDict()            # (file, number) -> Page, the coldest first
        self.gone = dict.fromkeys(COUNTERS, 0)
        self.evicted = {"st_ro_evict": 0, "st_rw_evict": 0}
        self.trickled = self.searches = self.used = 0
        self.asked, self.largest, self.retry = (0, 0), None, False

    # What a trace line means.

    def run(self, lines):
        for self.line, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            values = dict(word.split("=", 1) for word in words if "=" in word)
            try:
                getattr(self, "do_" + words[0])(words[1:], values)
            except Refused as refusal:
                more = {"wrote": 0} if words[0] == "trickle" else {}
                self.note(words[0], str(refusal), **more)
        return {
            "events": self.events, "stat": self.stat(),
            "fstat": {file.name: {"st_pagesize": file.size, **file.counts}
                      for file in self.files.values() if file.name},
            "filters": {str(kind): each.calls for kind, each in self.filters.items()},
            "files": {name: bytes(disk) for name, disk in self.disks.items()},
        }

    def note(self, operation, result, **more):
        self.events.append({"line": self.line, "op": operation, "rc": result, **more})

    def do_pool(self, words, values):
        self.cachesize = int(values.get("cachesize", 131_072))
        self.mmapsize = int(values.get("mmapsize", 10_485_760))
        self.nommap, self.log = "nommap" in words, "log" in values

    def do_mkfile(self, words, values):
        size = int(values["pagesize"])
        pages = (made_page(size, pgno, "zero" in words) for pgno in range(int(values["pages"])))
        self.disks[words[0]] = bytearray(b"".join(pages) + bytes(int(values.get("extra", 0))))

    def do_register(self, words, values):
        self.filters[int(words[0])] = Filter(words[1])

    def do_fopen(self, words, values):
        name = None if words[1] == "-" else words[1]
        rdonly, size = "rdonly" in words, int(values.get("pagesize", 0))
        options = {"pagesize": size, "ftype": int(values.get("ftype", 0)),
                   "lsn": int(values.get("lsn", -1)), "clear": values.get("clear")}
        if size < 512 or size & (size - 1) or int(options["clear"] or 0) > size:
            raise Refused("EINVAL")
        if name is None and rdonly:
            raise Refused("EINVAL")
        if name is None:
            disk, key = bytearray(), object()
        else:
            if name not in self.disks and (rdonly or "create" not in words):
                raise Refused("ENOENT")
            disk = self.disks.setdefault(name, bytearray())
            if len(disk) % size:
                raise Refused("EINVAL")
            key = ("id", values["id"]) if "id" in values else name
        file = self.files.get(key)
        if file is None:
            file = self.files[key] = File(name, disk, options)
            file.key = key
            file.cookie = bytes.fromhex(values["cookie"]) if "cookie" in values else None
            file.maxpages = int(values.get("maxpages", 0))
        elif file.options != options:
            raise Refused("EINVAL")
        file.handles += 1
        if (name is None or not rdonly or options["ftype"] or self.nommap or "nommap" in words
                or len(disk) > self.mmapsize):
            file.mappable = False
        self.handles[words[0]] = Handle(file, rdonly, file.mappable and len(disk) > 0)

    def do_fclose(self, words, values):
        file = self.handle(words[0]).file
        del self.handles[words[0]]
        file.handles -= 1
        if file.handles:
            return
        for page in [page for page in self.pages.values() if page.file is file]:
            self.drop(page)
        del self.files[file.key]
        for name in COUNTERS:
            self.gone[name] += file.counts[name]

    def handle(self, name):
        if name not in self.handles:
            raise Refused("EINVAL")
        return self.handles[name]

    def do_get(self, words, values):
        handle = self.handle(words[1])
        how = next((each for each in ("create", "last", "new") if each in words), None)
        page = self.get(handle, how, None if how in ("last", "new") else int(words[2], 0))
        self.pins[words[0]] = (handle, page)
        if how in ("last", "new"):
            self.note("get", "OK", pgno=page.pgno)

    def do_put(self, words, values):
        if self.pinned("put", words):
            self.put(*self.pins[words[0]], words[1:])
            del self.pins[words[0]]

    def do_set(self, words, values):
        if self.pinned("set", words):
            self.flag(*self.pins[words[0]], words[1:])

    def pinned(self, operation, words):
        if words[0] not in self.pins:
            self.note(operation, "NOPIN")
        return words[0] in self.pins

    def do_stamp(self, words, values):
        if self.pinned("stamp", words):
            self.stamp(self.pins[words[0]][1], int(words[1]))

    def stamp(self, page, value):
        page.data[16:28] = value.to_bytes(8, "little") + page.pgno.to_bytes(4, "little")

    def do_fill(self, words, values):
        if self.pinned("fill", words):
            page = self.pins[words[0]][1]
            at, count = (int(words[2]), int(words[3])) if len(words) > 2 else (0, page.file.size)
            page.data[at:at + count] = bytes([int(words[1])]) * count

    def do_lsn(self, words, values):
        if self.pinned("lsn", words):
            page = self.pins[words[0]][1]
            at = page.file.options["lsn"]
            page.data[at:at + 8] = b"".join(int(word).to_bytes(4, "little") for word in words[1:3])

    def do_peek(self, words, values):
        if self.pinned("peek", words):
            at, count = int(words[1]), int(words[2])
            data = self.pins[words[0]][1].data[at:at + count]
            self.note("peek", "OK", hex=bytes(data).hex())

    def do_a(self, words, values):
        handle = self.handle(words[0])
        self.put(handle, self.get(handle, None, int(words[1])), [])

    def do_w(self, words, values):
        handle = self.handle(words[0])
        page = self.get(handle, "create", int(words[1]))
        if not handle.rdonly:
            self.stamp(page, int(words[2]))
        try:
            self.put(handle, page, ["dirty"])
        except Refused:
            self.put(handle, page, [])
            raise

    def do_fsync(self, words, values):
        handle = self.handle(words[0])
        if handle.rdonly or handle.file.name is None:
            return self.note("fsync", "OK")
        dirty = [page for page in self.pages.values() if page.file is handle.file and page.dirty]
        held = any(page.pins for page in dirty)
        dirty.sort(key=lambda page: page.pgno)
        failure = self.write_all([page for page in dirty if not page.pins])
        self.note("fsync", failure or ("DB_INCOMPLETE" if held else "OK"))

    def do_sync(self, words, values):
        lsn = tuple(map(int, words)) if words else None
        if lsn and not self.log:
            raise Refused("EINVAL")
        if lsn is None or self.retry or lsn > self.asked:
            self.retry, self.largest = False, None
            self.asked = lsn or self.asked
            for page in self.pages.values():
                page.pending = page.dirty or page.pins > 0
            failure = self.write_all(
                [page for page in self.pages.values() if page.pending and not page.pins])
            if failure:
                for page in self.pages.values():
                    page.pending = False
                self.retry = True
                raise Refused(failure)
        if any(page.pending for page in self.pages.values()):
            return self.note("sync", "DB_INCOMPLETE")
        self.note("sync", "OK", **({"lsn": list(self.largest or lsn)} if lsn else {}))

    def do_trickle(self, words, values):
        percent, wrote = int(words[0]), 0
        if not 1 <= percent <= 100:
            raise Refused("EINVAL")
        for page in list(self.pages.values()):
            clean = sum(not each.dirty for each in self.pages.values())
            if clean * 100 // len(self.pages) >= percent:
                break
            if page.dirty and not page.pins and page.file.name:
                self.write(page)
                wrote += 1
                self.trickled += 1
        self.note("trickle", "OK", wrote=wrote)

    def do_stat(self, words, values):
        self.note("stat", "OK", stat=self.stat())

    def stat(self):
        dirty = sum(page.dirty for page in self.pages.values())
        sums = {name: self.gone[name] + sum(file.counts[name] for file in self.files.values())
                for name in COUNTERS}
        return {"st_cachesize": self.cachesize, "st_pages": len(self.pages), **sums,
                **self.evicted, "st_page_trickle": self.trickled,
                "st_hash_searches": self.searches,
                "st_page_clean": len(self.pages) - dirty, "st_page_dirty": dirty}

    # What the calls do.

    def last(self, file):
        cached = [page.pgno for page in self.pages.values() if page.file is file]
        return max([len(file.disk) // file.size - 1, 0, *cached])

    def get(self, handle, how, pgno):
        file = handle.file
        mapped = handle.mapped and file.mappable
        if how == "new" and handle.rdonly:
            raise Refused("EINVAL")
        if how == "last":
            pgno = file.first_last if mapped else self.last(file)
        elif how == "new":
            pgno = self.last(file) + 1
        if mapped and how != "new":
            if pgno <= file.first_last:
                file.counts["st_map"] += 1
                return Page(file, pgno, file.read(pgno))
            if how != "create":
                raise Refused("EINVAL")
        page = self.pages.get((file, pgno))
        if how != "new":
            self.searches += 1
            if page:
                if page.pins == MOST_PINS:
                    raise Refused("EAGAIN")
                file.counts["st_cache_hit"] += 1
                page.pins += 1
                return page
        if how in ("create", "new") and 0 < file.maxpages < pgno:
            raise Refused("ENOSPC")
        data = None if how == "new" else file.read(pgno)
        if data is None and how not in ("create", "new"):
            raise Refused("EINVAL")
        self.make_room(file.size)
        file.counts["st_page_create" if data is None else "st_page_in"] += 1
        page = Page(file, pgno, data or bytearray(file.size))
        if how != "new":
            self.filter(page.file, "pgin", pgno, page.data)
            file.counts["st_cache_miss"] += 1
        self.pages[file, pgno] = page
        self.used += file.size
        return page

    def filter(self, file, way, pgno, data):
        found = self.filters.get(file.options["ftype"])
        if found:
            found.apply(way, pgno, data, file.cookie)

    def make_room(self, size):
        if size > self.cachesize:
            raise Refused("ENOMEM")
        while self.used + size > self.cachesize:
            victim = next((page for page in self.pages.values() if not page.pins), None)
            if victim is None:
                raise Refused("ENOMEM")
            kind = "st_rw_evict" if victim.dirty else "st_ro_evict"
            if victim.dirty:
                self.write(victim)
            self.evicted[kind] += 1
            self.drop(victim)

    def drop(self, page):
        del self.pages[page.file, page.pgno]
        self.used -= page.file.size

    def write(self, page):
        copy = bytearray(page.data)
        self.filter(page.file, "pgout", page.pgno, copy)
        page.file.write(page.pgno, copy)
        page.file.counts["st_page_out"] += 1
        page.dirty = False
        if page.pending:
            page.pending = False
            at = page.file.options["lsn"]
            if at >= 0:
                lsn = tuple(int.from_bytes(page.data[at + each:at + each + 4], "little")
                            for each in (0, 4))
                self.largest = max(self.largest or (0, 0), lsn)

    def write_all(self, pages):
        failure = None
        for page in pages:
            try:
                self.write(page)
            except Refused as refusal:
                failure = failure or str(refusal)
        return failure

    def flag(self, handle, page, flags):
        if {"clean", "dirty"} <= set(flags):
            raise Refused("EINVAL")
        if "dirty" in flags and handle.rdonly:
            raise Refused("EACCES")
        if self.pages.get((page.file, page.pgno)) is not page:
            return                            # a mapped page
        page.dirty = (page.dirty or "dirty" in flags) and "clean" not in flags
        page.discard = page.discard or "discard" in flags

    def put(self, handle, page, flags):
        self.flag(handle, page, flags)
        if self.pages.get((page.file, page.pgno)) is not page:
            return
        page.pins -= 1
        if page.pins:
            return
        self.pages.move_to_end((page.file, page.pgno), last=not page.discard)
        if not page.pending:
            return
        if not page.dirty:
            page.pending = False
            return
        try:
            self.write(page)
        except Refused:
            self.retry = True
