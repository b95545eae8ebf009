"""What a folder may hold after a power failure, from the calls that changed it (calls.c).

Names and contents are apart: a name may be lost though what it names is on stable storage, until its
folder has been flushed.
"""

import hashlib
import os

TEARS = (1, 8, 512, 4096)


class Call:
    """One change; `file` is a number that no other file ever has."""

    def __init__(self, kind, file=None, path="", other="", offset=0, size=0, data=b""):
        self.kind, self.file, self.path, self.other = kind, file, path, other
        self.offset, self.size, self.data = offset, size, data

    def __repr__(self):
        return f"{self.kind} {self.path} {self.other} {self.offset}+{self.size or len(self.data)}"


class Folder:
    """Files by number, and names."""

    def __init__(self, before=None):
        self.files = dict(before.files) if before else {}
        self.names = dict(before.names) if before else {}
        self.folders = set(before.folders) if before else set()

    @classmethod
    def of(cls, root):
        """A folder as it lies there, and the numbers of its inodes."""
        found, inodes = cls(), {}
        for place, folders, files in os.walk(root):
            for name in folders:
                found.folders.add(os.path.relpath(os.path.join(place, name), root))
            for name in files:
                path = os.path.join(place, name)
                number = len(found.files) + 1
                with open(path, "rb") as file:
                    found.files[number] = file.read()
                found.names[os.path.relpath(path, root)] = number
                inodes[os.stat(path).st_ino] = number
        return found, inodes

    def apply(self, call):
        kind = call.kind
        if kind == "create":
            self.names[call.path] = call.file
            self.files.setdefault(call.file, b"")
        elif kind == "write":
            old = self.files.get(call.file, b"").ljust(call.offset, b"\0")
            end = call.offset + len(call.data)
            self.files[call.file] = old[:call.offset] + call.data + old[end:]
        elif kind == "truncate":
            old = self.files.get(call.file, b"")
            self.files[call.file] = old[:call.size].ljust(call.size, b"\0")
        elif kind == "allocate":
            old = self.files.get(call.file, b"")
            self.files[call.file] = old.ljust(call.offset + call.size, b"\0")
        elif kind == "rename":
            # A file may get its lasting name though its first one was lost.
            self.names.pop(call.path, None)
            self.names[call.other] = call.file
        elif kind == "link":
            self.names[call.other] = call.file
        elif kind == "unlink":
            self.names.pop(call.path, None)
        elif kind == "mkdir":
            self.folders.add(call.path)
        elif kind == "rmdir":
            self.folders.discard(call.path)

    def digest(self):
        sums = hashlib.sha256()
        for name in sorted(self.names):
            sums.update(name.encode() + b"\0" + hashlib.sha256(
                self.files.get(self.names[name], b"")).digest())
        return sums.digest()

    def write(self, root):
        for folder in sorted(self.folders):
            os.makedirs(os.path.join(root, folder), exist_ok=True)
        for name, number in self.names.items():
            path = os.path.join(root, name)
            if os.path.isdir(os.path.dirname(path)):
                with open(path, "wb") as file:
                    file.write(self.files.get(number, b""))


def calls_of(data, before, inodes):
    """The calls of a trace; each file under a number of its own, though inodes are used again.

    A mapping that was flushed counts as a write and a flush.
    """
    found, place, count = [], 0, len(before.files)
    inodes, names = dict(inodes), dict(before.names)

    def add(call):
        found.append(call)
        now = Folder()
        now.names = names
        now.apply(call)

    while place < len(data):
        end = data.index(b"\n", place)
        size, kind, inode, offset, more, path, other = data[place:end].decode().split("\t")
        size, inode, offset, more = int(size), int(inode), int(offset), int(more)
        content = data[end + 1:end + 1 + size]
        place = end + 1 + size
        number = inodes.get(inode)
        if kind == "open":
            if path not in names:
                # An inode without a name may come again as another file's.
                count += 1
                inodes[inode] = count
                add(Call("create", count, path))
            elif more:
                add(Call("truncate", number, path, size=0))
        elif kind == "map":
            add(Call("write", number, path, offset=offset, data=content))
            add(Call("sync", number, path))
        elif kind == "truncate":
            add(Call("truncate", number, path, size=offset))
        elif kind == "allocate":
            add(Call("allocate", number, path, offset=offset, size=more))
        elif kind in ("rename", "link"):
            if path in names:
                add(Call(kind, names[path], path, other))
        else:
            add(Call(kind, number, path, other, offset, data=content))
    return found


def is_durable(calls, place, end):
    """Whether a call is on stable storage when those before `end` have been made."""
    call = calls[place]
    for later in calls[place + 1:end]:
        if call.kind in ("write", "truncate", "allocate"):
            if later.kind == "sync" and later.file == call.file:
                return True
        elif later.kind == "syncdir" and later.path == os.path.dirname(call.other or call.path):
            return True
    return False


def variants(call):
    """What may be left of a call that is not durable: nothing, or a part."""
    yield None
    # Eight bytes at a multiple of eight are one store and lie in one sector: libpmemlog's write offset
    # relies on it, and so do all who read its files.
    if call.kind == "write" and not (len(call.data) == 8 and call.offset % 8 == 0):
        for size in TEARS:
            if size < len(call.data):
                yield Call("write", call.file, call.path, offset=call.offset,
                           data=call.data[:size])
        yield Call("allocate", call.file, call.path, offset=call.offset, size=len(call.data))


def states(before, calls):
    """Triples: how many calls were made, a description, and the folder; no folder twice."""
    seen = set()
    for end in range(len(calls) + 1):
        options = [(None, None)]
        for place in range(end):
            if calls[place].kind in ("sync", "syncdir", "mkdir", "rmdir"):
                continue
            if not is_durable(calls, place, end):
                options += [(place, variant) for variant in variants(calls[place])]
        for place, variant in options:
            folder = Folder(before)
            for number, call in enumerate(calls[:end]):
                if number == place:
                    call = variant
                if call is not None:
                    folder.apply(call)
            key = folder.digest()
            if key not in seen:
                seen.add(key)
                yield end, f"after {end} calls, of {place} {calls[place] if place is not None else ''} {variant}", folder


def swapped(calls, first, second):
    """The calls with each run that matches `first` and the later one that matches `second` swapped."""
    calls = list(calls)
    place = 0
    while place < len(calls):
        if first(calls[place]):
            for later in range(place + 1, len(calls)):
                if second(calls[later]):
                    # Each is followed by its flush.
                    calls[place:place + 2], calls[later:later + 2] = (
                        calls[later:later + 2], calls[place:place + 2])
                    place = later + 1
                    break
        place += 1
    return calls
