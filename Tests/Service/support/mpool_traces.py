"""Random traces for buffer pools, each from its seed: in the language of `MPoolTrace replay`."""

import random

FILTERS = ("swap32", "xor:90", "xorpage", "xorcookie", "failin:3", "failout:2")


class Trace:
    """One trace; `plain` ones hold what the real library does in the same way."""

    def __init__(self, seed, operations=400, plain=False):
        self.random = random.Random(seed)
        self.plain = plain
        self.lines, self.handles, self.pins, self.files = [], {}, {}, {}
        self.names = self.value = 0
        self.head()
        for _ in range(operations):
            self.step()
        self.tail()

    def add(self, *words):
        self.lines.append(" ".join(str(word) for word in words if word != ""))

    def head(self):
        pick = self.random
        size = pick.choice((20_480, 32_768, 65_536, 131_072))
        self.log = not self.plain and pick.random() < 0.5
        self.add("pool", f"cachesize={size}", "log=100000" if self.log else "",
                 "nommap" if self.plain or pick.random() < 0.3 else "",
                 f"mmapsize={pick.choice((4096, 16384))}" if pick.random() < 0.3 else "")
        if not self.plain:
            for kind in range(1, 4):
                self.add("register", kind, pick.choice(FILTERS))
        for number in range(3):
            size = 4096 if self.plain else pick.choice((512, 1024, 4096, 8192))
            name, pages = f"f{number}", pick.choice((4, 12, 40))
            if not self.plain and pick.random() < 0.2:
                pages = 0
            self.files[name] = self.options(size), pages
            if pages or pick.random() < 0.5:
                odd = f"extra={pick.choice((1, 511))}" if pick.random() < 0.03 else ""
                self.add("mkfile", name, f"pagesize={size}", f"pages={pages}",
                         "" if self.plain else odd)
            self.open(name)

    def options(self, size):
        pick, words = self.random, [f"pagesize={size}"]
        if self.plain:
            return words
        if pick.random() < 0.5:
            words.append(f"ftype={pick.randint(1, 4)}")
        if pick.random() < 0.4:
            words.append(f"lsn={pick.choice((0, 8, 33, size - 8))}")
        if pick.random() < 0.3:
            words.append(f"cookie={pick.randrange(256):02x}ff")
        if pick.random() < 0.1:
            words.append(f"maxpages={pick.randint(5, 50)}")
        if pick.random() < 0.1:
            words.append("clear=32")
        return words

    def open(self, name):
        self.names += 1
        handle, pick = f"h{self.names}", self.random
        words, pages = self.files.get(name, (["pagesize=1024"], 0))
        rdonly = not self.plain and name != "-" and pick.random() < 0.2
        self.add("fopen", handle, name, *words, "rdonly" if rdonly else "create",
                 "nommap" if pick.random() < 0.1 else "")
        self.handles[handle] = {"name": name, "pages": pages, "lsn": "lsn=" in " ".join(words)}

    def step(self):
        pick = self.random
        self.value += 1
        kinds = ((self.touch, 40), (self.write, 20), (self.pin, 12), (self.use, 18),
                 (self.flush, 6), (self.reopen, 0 if self.plain else 3),
                 (self.wrong, 0 if self.plain else 2))
        pick.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])[0]()

    def handle(self):
        return self.random.choice(list(self.handles))

    def number(self, handle):
        pages = self.handles[handle]["pages"] or 8
        if self.plain:
            return self.random.randrange(pages)
        return int(abs(self.random.gauss(0, 0.5)) * pages) + self.random.choice((0, 0, 0, 1, 5))

    def touch(self):
        handle = self.handle()
        self.add("a", handle, self.number(handle))

    def write(self):
        handle = self.handle()
        self.add("w", handle, self.number(handle), self.value)

    def pin(self):
        handle, slot = self.handle(), f"s{self.value}"
        if len(self.pins) > 4 or self.plain:
            return self.touch()
        how = self.random.choice(("", "", "create", "create", "last", "new"))
        self.add("get", slot, handle, 0 if how in ("last", "new") else self.number(handle), how)
        self.pins[slot] = handle

    def use(self):
        if not self.pins:
            return self.touch()
        pick = self.random
        slot = pick.choice(list(self.pins))
        handle = self.handles[self.pins[slot]]
        kind = pick.choice(("put", "put", "put", "set", "stamp", "fill", "lsn", "peek"))
        flags = [each for each in ("clean", "dirty", "dirty", "discard") if pick.random() < 0.3]
        if kind in ("put", "set"):
            self.add(kind, slot, *flags)
            # What fails leaves the pin; it is put back at the end if it was one.
            if kind == "put" and not {"clean", "dirty"} <= set(flags) and "dirty" not in flags:
                del self.pins[slot]
        elif kind == "stamp":
            self.add("stamp", slot, self.value)
        elif kind == "fill":
            self.add("fill", slot, pick.randrange(256), pick.randrange(64), pick.randrange(1, 99))
        elif kind == "lsn" and handle["lsn"]:
            self.add("lsn", slot, 1, pick.randrange(1, 100_000))
        else:
            self.add("peek", slot, pick.randrange(100), pick.randrange(1, 40))

    def flush(self):
        pick = self.random
        kind = pick.choice(("fsync", "sync", "sync", "trickle", "stat"))
        if kind == "fsync":
            self.add("fsync", self.handle())
        elif kind == "sync":
            self.add("sync", *((1, pick.randrange(1, 100_000)) if self.log else ()))
        elif kind == "trickle" and not self.plain:
            self.add("trickle", pick.choice((1, 30, 50, 90, 100)))
        else:
            self.add("stat")

    def reopen(self):
        pick = self.random
        held = set(self.pins.values())
        free = [handle for handle in self.handles
                if handle not in held and len(self.handles) > 1]
        if free and pick.random() < 0.6:
            handle = pick.choice(free)
            self.add("fclose", handle)
            del self.handles[handle]
        else:
            self.open(pick.choice([*self.files, "-"]))

    def wrong(self):
        pick = self.random
        self.add(*pick.choice((
            ("trickle", 0), ("trickle", 101), ("put", "nothing"), ("set", "nothing", "dirty"),
            ("fopen", "x", "missing", "pagesize=512"), ("fopen", "x", "f0", "pagesize=1000"),
            ("fopen", "x", "f0", "pagesize=65536"), ("sync", 1, 2) if not self.log else ("stat",),
            ("fopen", "x", "-", "pagesize=512", "rdonly"))))

    def tail(self):
        for slot in list(self.pins):
            self.add("put", slot)
        if self.plain:
            for handle in self.handles:
                self.add("fsync", handle)
        self.add("stat")
