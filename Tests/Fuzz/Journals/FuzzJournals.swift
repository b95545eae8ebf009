import Glibc
import Store
import TestSupport

/// What libFuzzer calls with each input; a trap or a slow answer is a finding.
///
/// The first byte says what the rest is: a log file as it is, or with the checksums of its records
/// put right, to be gone through; else the body of one record. With `TIDEMARK_FUZZ=opened` files are
/// opened as those of a journal: see `Target`.
///
/// `swift build -c release --sanitize=fuzzer -Xswiftc -DFUZZER --product FuzzJournals` builds it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJournals(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let kind = Target(rawValue: Int(start[0]))
    let bytes = [UInt8](UnsafeBufferPointer(start: start + 1, count: count - 1))
    if FuzzFolder.opens {
        JournalRig.shared.run(kind ?? .written, bytes)
    } else if kind == .file || kind == .mended {
        LoneFile.shared.goThrough(bytes, isMended: kind == .mended)
    } else {
        decode(bytes)
    }
    return 0
}

/// All rows of a record with that body.
private func decode(_ body: [UInt8]) {
    var rows = RecordRows(body: body, lsn: LSN(file: 1, offset: 256))
    var count = 0
    while let row = try? rows.next() {
        _ = (row.key, row.value, row.decoded, row.raw)
        count += 1
        precondition(count <= body.count + 1, "it does not end")
    }
}

/// One log file, with other bytes for each input.
private final class LoneFile: @unchecked Sendable {
    // Sendable because libFuzzer calls from one thread.
    static let shared = LoneFile()

    private let folder = FuzzFolder()
    private let head: [UInt8]
    private static let name = "WiredTigerLog.0000000001"

    private init() {
        guard let store = try? Store(path: folder.path) else {
            fatalError("no data directory at \(folder.path)")
        }
        head = JournalBytes.head(of: store, in: folder)
    }

    func goThrough(_ bytes: [UInt8], isMended: Bool) {
        let bytes = isMended ? JournalBytes.mended(head + bytes) : bytes
        folder.rewrite(Self.name, bytes)
        guard let file = try? RecordFile("\(folder.path)/\(Self.name)", kind: .journal) else {
            preconditionFailure("the kind was given")
        }
        var records = 0
        _ = try? file.read { record in
            if case .row(let row) = record.content {
                _ = (row.key, row.value, row.decoded, row.raw)
            }
            records += 1
            precondition(records <= 2 * bytes.count + 2, "it does not end")
            return true
        }
    }
}
