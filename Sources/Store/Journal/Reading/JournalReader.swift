/// The records of a journal in order, from file to file; `__wt_log_scan`.
struct JournalReader: ~Copyable {
    private let files: JournalFiles
    private var current: JournalFileReader?
    /// Where the next record is looked for.
    private(set) var place: LSN

    init(_ files: JournalFiles, from place: LSN = .beginning) {
        self.files = files
        self.place = place
    }

    /// Goes on at another place, where a record begins.
    mutating func seek(to lsn: LSN) {
        if current?.number != lsn.file || lsn.offset == 0 { current = nil }
        place = lsn
    }

    /// The next record; nil at the end of the log, which may grow.
    ///
    /// - Throws: `.corrupt` for what no unfinished write leaves; the reader stays there.
    mutating func next() throws(StoreError) -> StoredRecord? {
        while true {
            guard try isOpen() else { return nil }
            // Taken before the file is read: what is put behind that, and a switch after it, are for
            // the next look.
            let end = files.writtenEnd
            guard let found = try read() else { return nil }
            switch found {
            case .record(let record):
                files.statistics.count(scanned: record)
                place = LSN(file: place.file, offset: UInt32(clamping: record.end))
                return record
            case .end:
                current?.refresh()
                guard try openNext(knownEnd: end) else { return nil }
            case .unfinished(let detail):
                current?.refresh()
                guard let end = files.writtenEnd, place < end else { return nil }
                throw corrupt(detail)
            case .corrupt(let detail):
                current?.refresh()
                throw corrupt(detail)
            }
        }
    }

    /// What there is at the place; where the file ends is asked only if it seems to end there.
    private mutating func read() throws(StoreError) -> JournalFileReader.Found? {
        let offset = Int(place.offset)
        let known = current?.size ?? 0
        if offset + RecordHeader.alignment <= known {
            let found = try current?.read(at: offset)
            if case .record = found { return found }
        }
        return try lookAgain()
    }

    /// What there is at the place by now.
    private mutating func lookAgain() throws(StoreError) -> JournalFileReader.Found? {
        try current?.measure(limit: files.limit(of: place.file))
        // What was read there before may have been zeros then.
        current?.refresh()
        return try current?.read(at: Int(place.offset))
    }

    private func corrupt(_ detail: String) -> StoreError {
        .journal(.corrupt(place, detail: "at \(place) is \(detail)"))
    }

    /// Makes sure that the file is open and the place in it one where a record may begin.
    private mutating func isOpen() throws(StoreError) -> Bool {
        if current != nil, place.offset > 0 { return true }
        var number = place.file
        if place == .beginning {
            guard let first = try files.directory.numbers().first else {
                throw .journal(.noLogFiles(path: files.directory.path))
            }
            number = first
        }
        guard let reader = try files.reader(number) else {
            try files.requireNotArchived(number)
            return false
        }
        return try enter(reader, at: place.offset)
    }

    /// Goes on at the beginning of the next file, if there is one, or where this one has grown.
    ///
    /// - Parameter knownEnd: where the log ended before this file was read to its end; nil where
    ///   others write.
    private mutating func openNext(knownEnd: LSN?) throws(StoreError) -> Bool {
        let (number, isLast) = place.file.addingReportingOverflow(1)
        guard !isLast, knownEnd.map({ place.file < $0.file }) ?? true else { return false }
        guard let reader = try files.reader(number) else {
            try files.requireNotArchived(number)
            return false
        }
        var next = reader
        guard let first = try begin(&next) else { return false }
        switch try succession(by: &next, isOwn: knownEnd != nil) {
        case .isOver: break
        case .hasGrown: return true
        case .mayGrow: return false
        }
        place = LSN(file: number, offset: UInt32(first))
        current = consume next
        return true
    }

    /// What becomes of a file at whose end the reader is.
    private enum Succession {
        /// The next one goes on where it ends.
        case isOver
        case hasGrown
        /// Records that the next one goes on behind are not written yet, and maybe never will.
        case mayGrow
    }

    /// Whether the file that ends here is followed by the next one.
    ///
    /// - Parameter isOwn: whether the service writes the journal: such files are whole before the next
    ///   one is begun.
    /// - Throws: `.corrupt` if records are missing between the two.
    private mutating func succession(
        by next: inout JournalFileReader, isOwn: Bool
    ) throws(StoreError) -> Succession {
        let said = try next.predecessor()
        guard said != .ends(place) else { return .isOver }
        // Its last records may have come after it was read and before the next file was seen.
        if !isOwn {
            guard case .end = try lookAgain() else { return .hasGrown }
        }
        if said == .unknown { return .isOver }
        let isNewest = try files.directory.numbers().last == next.number
        if !isOwn, isNewest, mayBeUnwritten(before: said) { return .mayGrow }
        guard let complaint = try next.complaint(of: place, isNewest: isNewest) else {
            return .isOver
        }
        throw corrupt(complaint)
    }

    /// Whether what is missing may come: threads write side by side, so that the next file may be there
    /// before all of this one is.
    private func mayBeUnwritten(before said: JournalPredecessor) -> Bool {
        guard case .ends(let end) = said else { return said == .unwritten }
        return end.file == place.file && end > place
    }

    private mutating func enter(
        _ reader: consuming JournalFileReader, at offset: UInt32
    ) throws(StoreError) -> Bool {
        var reader = reader
        if offset == 0 {
            guard let first = try begin(&reader) else { return false }
            place = LSN(file: reader.number, offset: UInt32(first))
        } else {
            try reader.measure(limit: files.limit(of: reader.number))
            _ = try reader.checkHead()
        }
        current = consume reader
        return true
    }

    /// Where the first record of a file is; nil if its header may still be being written.
    private func begin(_ reader: inout JournalFileReader) throws(StoreError) -> Int? {
        try reader.measure(limit: files.limit(of: reader.number))
        let first = try reader.checkHead()
        return try reader.hasWholeHeader() ? first : nil
    }
}
