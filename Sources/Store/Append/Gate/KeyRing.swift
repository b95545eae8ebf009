import Glibc

/// The file of keys: a ring of slots, of which the oldest gives way to the newest.
///
/// The slot of sequence number `n` is number `(n - 1) % capacity`. Groups of slots are written with one
/// call and flushed; a power loss in between may keep any of them.
struct KeyRing: ~Copyable {
    /// How many keys are remembered, unless said otherwise.
    static let usualCapacity = 1 << 17
    /// No more slots than this are written before a flush, so that an opening knows where to look for them.
    static let groupLimit = 2048
    private static let zeroAhead = 512

    /// The sequence number of the newest slot; 0 if there is none.
    private(set) var last = 0

    private let file: File
    private let capacity: Int
    /// Slots that the file has room for.
    private var allocated: Int
    /// Where names may be; read when first asked for.
    private var known: KeyIndex?

    /// Opens the file, or makes it.
    static func open(
        at path: String, in directory: DataDirectory, capacity: Int = usualCapacity
    ) throws(StoreError) -> KeyRing {
        let isNew = !directory.exists(path)
        if isNew { try directory.makeFolders(above: path) }
        let file = try directory.open(path, flags: O_RDWR | O_CREAT)
        if isNew { try directory.syncFolder(of: path) }
        let size = Int(try file.status().st_size)
        var ring = KeyRing(file, capacity: capacity, allocated: min(size / KeySlot.size, capacity))
        ring.last = try ring.findLast()
        try ring.fillHoles()
        return ring
    }

    private init(_ file: consuming File, capacity: Int, allocated: Int) {
        self.file = file
        self.capacity = capacity
        self.allocated = allocated
    }

    private func number(_ sequence: Int) -> Int { (sequence - 1) % capacity }

    /// The oldest sequence number that may have its slot.
    var oldest: Int { max(1, last - capacity + 1) }

    // MARK: - Reading

    /// The slot of that sequence number; nil if it holds another or nothing.
    func slot(_ sequence: Int) throws(StoreError) -> KeySlot? {
        guard sequence > 0 else { return nil }
        let slot = try slot(number: number(sequence))
        return slot?.sequence == sequence ? slot : nil
    }

    private func slot(number: Int) throws(StoreError) -> KeySlot? {
        let bytes = try file.read(at: number * KeySlot.size, count: KeySlot.size)
        return bytes.count == KeySlot.size ? KeySlot(bytes, at: 0) : nil
    }

    /// The newest slot of a name.
    mutating func newest(of name: KeyDigest) throws(StoreError) -> KeySlot? {
        if known == nil { known = try readAll() }
        var newest: KeySlot?
        for number in known?.candidates(for: name) ?? [] {
            guard let slot = try slot(number: number), slot.key.name == name, !slot.isVoid,
                slot.sequence > newest?.sequence ?? 0
            else { continue }
            newest = slot
        }
        return newest
    }

    private func readAll() throws(StoreError) -> KeyIndex {
        var index = KeyIndex(count: allocated)
        for start in stride(from: 0, to: allocated, by: 8192) {
            let count = min(8192, allocated - start)
            let bytes = try file.read(at: start * KeySlot.size, count: count * KeySlot.size)
            for number in 0..<bytes.count / KeySlot.size {
                guard let slot = KeySlot(bytes, at: number * KeySlot.size), !slot.isVoid
                else { continue }
                index.note(slot.key.name, in: start + number)
            }
        }
        return index
    }

    // MARK: - Finding the end

    /// The slots from the first on have rising numbers up to the newest; behind it lies an older lap.
    private func findLast() throws(StoreError) -> Int {
        guard allocated > 0 else { return 0 }
        guard let first = try slot(number: 0) else {
            return allocated < capacity
                ? 0 : try slot(number: capacity - 1)?.sequence ?? 0
        }
        var (low, high) = (0, allocated)
        while high - low > 1 {
            let middle = (low + high) / 2
            if try slot(number: middle)?.sequence == first.sequence + middle {
                low = middle
            } else {
                high = middle
            }
        }
        return first.sequence + low
    }

    /// A power loss may have kept later slots of a group and not earlier ones, which would hide them.
    private mutating func fillHoles() throws(StoreError) {
        var missing: [KeySlot] = []
        let found = try read(from: last + 1, count: Self.groupLimit)
        for sequence in last + 1...last + Self.groupLimit {
            if found.contains(sequence) {
                try write(missing, from: sequence - missing.count)
                missing = []
                last = sequence
            } else {
                missing.append(Self.hole)
            }
        }
    }

    /// A slot of nothing.
    private static let hole = {
        let nothing = KeyDigest([UInt8](repeating: 0, count: 16))
        var hole = KeySlot(
            IdempotencyKey(name: nothing, content: nothing), generation: 0, first: 0, next: 0,
            lastLength: 0, durability: .written)
        hole.isVoid = true
        return hole
    }()

    /// Which of the sequence numbers have their slots.
    private func read(from sequence: Int, count: Int) throws(StoreError) -> Set<Int> {
        let start = number(sequence)
        let first = min(count, capacity - start)
        var bytes = try file.read(at: start * KeySlot.size, count: first * KeySlot.size)
        if bytes.count == first * KeySlot.size, first < count {
            bytes += try file.read(at: 0, count: (count - first) * KeySlot.size)
        }
        let offsets = stride(from: 0, to: bytes.count - KeySlot.size + 1, by: KeySlot.size)
        return Set(
            offsets.compactMap { offset in
                let slot = KeySlot(bytes, at: offset)
                return slot?.sequence == sequence + offset / KeySlot.size ? slot?.sequence : nil
            })
    }

    // MARK: - Writing

    /// Puts slots on stable storage behind the newest.
    mutating func append(_ slots: [KeySlot]) throws(StoreError) {
        var rest = slots[...]
        while !rest.isEmpty {
            let group = Array(rest.prefix(Self.groupLimit))
            rest = rest.dropFirst(group.count)
            do throws(StoreError) {
                try write(group, from: last + 1)
            } catch {
                try wipe(group.count)
                throw error
            }
            try file.syncData()
            for (offset, slot) in group.enumerated() {
                let place = number(last + 1 + offset)
                known?.note(slot.key.name, in: place)
            }
            last += group.count
        }
    }

    /// Says of so many slots behind the newest that they are of nothing, as far as there is room for
    /// them: some of a group may have been written.
    private mutating func wipe(_ count: Int) throws(StoreError) {
        let start = number(last + 1)
        let room = allocated == capacity ? count : min(count, allocated - start)
        guard room > 0 else { return }
        do throws(StoreError) {
            try write([KeySlot](repeating: Self.hole, count: room), from: last + 1)
            try file.syncData()
        } catch {
            throw .failed(detail: "keys could not be written, nor taken back: \(error.summary)")
        }
        for offset in 0..<room {
            let place = number(last + 1 + offset)
            known?.remove(place)
        }
    }

    /// Says of the slots behind `sequence` that what they stand for did not happen.
    mutating func void(after sequence: Int) throws(StoreError) {
        guard sequence < last else { return }
        for number in sequence + 1...last {
            guard var slot = try slot(number), !slot.isVoid else { continue }
            slot.isVoid = true
            try write([slot], from: number)
            let place = self.number(number)
            known?.remove(place)
        }
        try file.syncData()
    }

    private mutating func write(_ slots: [KeySlot], from sequence: Int) throws(StoreError) {
        var bytes: [UInt8] = []
        var start = number(sequence)
        for (offset, slot) in slots.enumerated() {
            if start + bytes.count / KeySlot.size == capacity {
                try write(bytes, at: start)
                (bytes, start) = ([], 0)
            }
            var slot = slot
            slot.sequence = sequence + offset
            bytes += slot.bytes
        }
        try write(bytes, at: start)
    }

    /// A flush is cheaper if the file has the blocks already: zeros are written ahead.
    private mutating func write(_ bytes: [UInt8], at start: Int) throws(StoreError) {
        let end = start + bytes.count / KeySlot.size
        let before = allocated
        do throws(StoreError) {
            if end > allocated {
                let ahead = min(end + Self.zeroAhead, capacity) - end
                try file.write(
                    bytes + [UInt8](repeating: 0, count: ahead * KeySlot.size),
                    at: start * KeySlot.size)
                allocated = end + ahead
            } else {
                try file.write(bytes, at: start * KeySlot.size)
            }
        } catch {
            try takeBack(error, to: before)
            throw error
        }
    }

    /// What was not written whole must not be found later.
    private func takeBack(_ error: StoreError, to before: Int) throws(StoreError) {
        do throws(StoreError) {
            try file.truncate(to: before * KeySlot.size)
        } catch {
            throw .failed(detail: "keys could not be written, nor taken back: \(error.summary)")
        }
    }
}
