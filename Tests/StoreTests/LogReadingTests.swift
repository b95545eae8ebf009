import Testing

@testable import Store

/// Readers of a ring while its files go.
@Suite struct LogReadingTests {
    /// A ring whose files 3, 1 and 2 start at 2, 3 and 4, and hold an item each.
    private func ring(_ store: TemporaryStore) throws -> DiskLog {
        var options = LogOptions()
        options.type = .wrap
        options.size = .files(maxBytes: 20, maxFiles: 3)
        let log = try store.logs.open("a", options, for: .service).log
        for number in 0..<5 { _ = try log.appendAndWait(Term.integer(number).encoded()) }
        #expect(log.view.oldest == 2 && log.view.position == 5)
        return log
    }

    private func oldest(_ log: DiskLog, at position: Int) throws -> Int? {
        do {
            _ = try log.chunk(from: try log.cursor(at: position), ChunkRequest())
            return nil
        } catch StoreError.positionGone(let oldest) {
            return oldest
        }
    }

    @Test func whatIsGoneIsToldWithTheOldestPositionThatStays() throws {
        let store = try TemporaryStore()
        let log = try ring(store)
        #expect(try oldest(log, at: 0) == 2)
        log.setting.emptied.withLock { $0 = [3: 5] }
        #expect(try oldest(log, at: 0) == 3)
        #expect(try oldest(log, at: 2) == 3)
        #expect(try oldest(log, at: 3) == nil)
        log.setting.emptied.withLock { $0 = [3: .max, 1: .max] }
        #expect(try oldest(log, at: 2) == 4)
        log.setting.emptied.withLock { $0 = [1: 7, 2: 7, 3: 7] }
        #expect(try oldest(log, at: 4) == 7)
    }

    @Test func filesThatADecreaseRemovesAreAnnounced() throws {
        let store = try TemporaryStore()
        let log = try ring(store)
        var announced: [Int: Int] = [:]
        try log.committer.engine.change { (writer) throws(StoreError) in
            try writer.changeSize(.files(maxBytes: 20, maxFiles: 1))
            _ = try writer.moveOn(isDurable: false)
            announced = log.setting.emptied.withLock { $0 }
        }
        #expect(announced == [3: .max, 1: 5])
        #expect(log.view.oldest == 4)
        try log.committer.engine.change { (writer) throws(StoreError) in
            try writer.truncate(head: nil)
            announced = log.setting.emptied.withLock { $0 }
        }
        #expect(announced == [1: 5, 2: 5])
        #expect(log.view.oldest == 5 && log.view.position == 5)
    }
}

extension DiskLog {
    fileprivate func appendAndWait(_ record: [UInt8]) throws(StoreError) -> Appended {
        let outcome = Locked<Result<Appended, StoreError>?>(nil)
        append(
            Append(bytes: record, lengths: [record.count]), areTerms: true, by: .service,
            waitMilliseconds: 0
        ) { result in
            outcome.withLock { $0 = result }
            outcome.wakeAll()
        }
        return try (outcome.whenReady({ $0 != nil }) { $0 } ?? .failure(.readOnlyMode)).get()
    }
}
