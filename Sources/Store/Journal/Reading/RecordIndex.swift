/// At which multiples of 128 bytes the records of one file begin, found once by going through it.
///
/// A search needs it to tell a record from bytes within one that look the same.
final class RecordIndex: Sendable {
    static var searchWindow: Int { 4096 }

    fileprivate struct State: ~Copyable {
        var reader: JournalFileReader
        var starts: [UInt64] = []
        /// Up to where records have been looked for; 0 before the header was.
        var scanned = 0
        var first = 0
        /// The first damage that was passed over: where others write it may be filled yet.
        var hole: (place: Int, found: JournalFileReader.Stamp?)?
    }

    /// What a search in the file comes to.
    enum Found {
        case record(StoredRecord)
        case nothing
        /// Behind the last record, which ends there.
        case behindTheEnd(Int)
    }

    private let state: Locked<State>

    init(_ reader: consuming JournalFileReader) { state = Locked(State(reader: reader)) }

    /// The record that begins at `offset`; 0 stands for the first one.
    ///
    /// - Parameter limit: how many bytes of the file may be looked at.
    func find(at offset: Int, limit: Int) throws(StoreError) -> Found {
        try state.withLock { (state) throws(StoreError) in
            try state.extend(limit: limit)
            let offset = offset == 0 ? state.first : offset
            if offset >= state.scanned { return .behindTheEnd(state.scanned) }
            guard state.isStart(offset) else { return .nothing }
            return .record(try state.record(at: offset))
        }
    }

    /// Where the first whole record behind a damaged one begins; nil if there is none.
    func first(behind offset: Int) throws(StoreError) -> Int? {
        try state.withLock { (state) throws(StoreError) in
            try state.extend(limit: .max)
            return state.firstStart(behind: offset)
        }
    }

    /// The last record that begins before `offset`; nil if there is none.
    func last(before offset: Int, limit: Int) throws(StoreError) -> StoredRecord? {
        try state.withLock { (state) throws(StoreError) in
            try state.extend(limit: limit)
            guard let start = state.lastStart(before: min(offset, state.scanned)) else {
                return nil
            }
            return try state.record(at: start)
        }
    }
}

extension RecordIndex.State {
    private static var block: Int { RecordHeader.alignment }

    func isStart(_ offset: Int) -> Bool {
        let number = offset / Self.block
        guard offset % Self.block == 0, number / 64 < starts.count else { return false }
        return starts[number / 64] >> UInt64(number % 64) & 1 == 1
    }

    func lastStart(before offset: Int) -> Int? {
        var number = (offset + Self.block - 1) / Self.block
        while number > 0 {
            let word = (number - 1) / 64
            guard word < starts.count else {
                number = starts.count * 64
                continue
            }
            let kept = UInt64.max >> UInt64(63 - (number - 1) % 64)
            let bits = starts[word] & kept
            if bits != 0 { return (word * 64 + 63 - bits.leadingZeroBitCount) * Self.block }
            number = word * 64
        }
        return nil
    }

    func firstStart(behind offset: Int) -> Int? {
        var place = offset + Self.block
        while place < scanned {
            if isStart(place) { return place }
            place += Self.block
        }
        return nil
    }

    mutating func record(at offset: Int) throws(StoreError) -> StoredRecord {
        switch try reader.read(at: offset) {
        case .record(let record): return record
        case .corrupt(let detail), .unfinished(let detail):
            let lsn = LSN(file: reader.number, offset: UInt32(offset))
            throw .journal(.corrupt(lsn, detail: "at \(lsn) is \(detail)"))
        case .end:
            throw .journal(.notFound(LSN(file: reader.number, offset: UInt32(offset))))
        }
    }

    /// Looks for records in what the file has got since the last time.
    mutating func extend(limit: Int) throws(StoreError) {
        if limit != .max, limit == scanned { return }
        try reader.measure(limit: limit)
        if scanned == 0 {
            first = try reader.checkHead()
            scanned = first
        }
        if try reader.isBarren(from: scanned) { return }
        // What was read behind the last record may have been zeros then.
        if scanned < reader.size { reader.refresh() }
        try lookAgain()
        defer { reader.windowSize = RecordIndex.searchWindow }
        // Where zeros may follow one look is for one record.
        if limit != .max { reader.windowSize = JournalFileReader.sequentialWindow }
        while true {
            switch try readFresh() {
            case .record(let record):
                mark(scanned)
                scanned = record.end
                reader.windowSize = JournalFileReader.sequentialWindow
            case .end: return
            case .unfinished, .corrupt:
                let found = try reader.stamp()
                guard let next = try reader.nextRecord(behind: scanned) else { return }
                // The damaged one can be searched for, to be told what is wrong with it.
                mark(scanned)
                if hole == nil { hole = (scanned, found) }
                scanned = next
            }
        }
    }

    /// What there is behind the last record; damage only if it is in the file and not merely in what
    /// was read of it earlier.
    private mutating func readFresh() throws(StoreError) -> JournalFileReader.Found {
        let found = try reader.read(at: scanned)
        switch found {
        case .record, .end: return found
        case .unfinished, .corrupt:
            reader.refresh()
            return try reader.read(at: scanned)
        }
    }

    /// Goes back to what looked damaged, if it was only not written yet.
    private mutating func lookAgain() throws(StoreError) {
        guard let known = hole else { return }
        let stamp = try reader.stamp()
        guard stamp == nil || stamp != known.found else { return }
        reader.refresh()
        guard case .record = try reader.read(at: known.place) else {
            hole = (known.place, stamp)
            return
        }
        hole = nil
        scanned = known.place
        let number = scanned / Self.block
        starts.removeLast(max(0, starts.count - number / 64 - 1))
        if number / 64 < starts.count {
            starts[number / 64] &= (1 << UInt64(number % 64)) - 1
        }
    }

    private mutating func mark(_ offset: Int) {
        let number = offset / Self.block
        if number / 64 >= starts.count {
            starts += repeatElement(0, count: number / 64 + 1 - starts.count)
        }
        starts[number / 64] |= 1 << UInt64(number % 64)
    }
}
