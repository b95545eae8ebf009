import Foundation
import TestSupport

@testable import Store

/// A store in a directory of its own, closed and removed with it.
final class TemporaryStore {
    let store: Store
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        store = try Store(path: directory.path)
    }

    deinit { store.close() }

    var pools: Pools { store.pools }

    var logs: Logs { store.logs }

    func path(_ relative: String) -> String { directory.path + "/" + relative }
}

extension PmemLog {
    /// Appends and waits for the outcome.
    func appendAndWait(
        _ bytes: [UInt8], _ expectation: Expectation = .none
    ) throws(StoreError) -> Appended {
        let outcome = Locked<Result<Appended, StoreError>?>(nil)
        let append = Append(bytes: bytes, lengths: [bytes.count], expectation: expectation)
        try self.append(append) { result in
            outcome.withLock { $0 = result }
            outcome.wakeAll()
        }
        return try outcome.whenReady({ $0 != nil }) { $0 ?? .failure(.overloaded(detail: "")) }
            .get()
    }

    func rewindAndWait(_ expectation: Expectation = .none) throws(StoreError) -> Int {
        let outcome = Locked<Result<Int, StoreError>?>(nil)
        rewind(expecting: expectation) { result in
            outcome.withLock { $0 = result.map(\.generation) }
            outcome.wakeAll()
        }
        return try outcome.whenReady({ $0 != nil }) { $0 ?? .failure(.overloaded(detail: "")) }
            .get()
    }

    /// All the data.
    func contents() throws -> [UInt8] {
        let view = view
        var bytes = [UInt8](repeating: 0, count: view.tell)
        try bytes.withUnsafeMutableBytes {
            try read(at: 0, generation: view.generation, into: $0)
        }
        return bytes
    }
}
