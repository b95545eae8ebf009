import Glibc
import Store
import TestSupport

/// What libFuzzer calls with each input; a trap or a slow answer is a finding.
///
/// The first byte says what the rest is, see `Target`. Files of items and indexes are gone through as
/// they lie; with `TIDEMARK_FUZZ=opened` all are opened as those of a log.
///
/// `swift build -c release --sanitize=fuzzer -Xswiftc -DFUZZER --product FuzzLogs` builds it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzLogs(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0, let kind = Target(rawValue: Int(start[0]) % Target.allCases.count)
    else { return 0 }
    let bytes = [UInt8](UnsafeBufferPointer(start: start + 1, count: count - 1))
    guard FuzzFolder.opens else { return LoneFiles.shared.goThrough(kind, bytes) }
    LogRig.shared.run(kind, bytes)
    return 0
}

/// The files of a log, of which each input is one.
private final class LoneFiles: @unchecked Sendable {
    // Sendable because libFuzzer calls from one thread.
    static let shared = LoneFiles()

    private let folder = FuzzFolder()

    private init() {
        mkdir("\(folder.path)/logs", 0o750)
        for file in LogBytes.ring { folder.write(file.name, file.bytes) }
    }

    /// - Returns: what libFuzzer is told: -1 if this is no input to keep.
    func goThrough(_ target: Target, _ bytes: [UInt8]) -> CInt {
        switch target {
        case .repaired: readItems("logs/h.LOG", LogBytes.opened + bytes, .log)
        case .closed: readItems("logs/h.LOG", LogBytes.closed + bytes, .log)
        case .readOnly: readItems("logs/h.LOG", bytes, .log)
        case .index: readItems("logs/l.LOG.idx", bytes, .wrap)
        case .size, .place, .note: return -1
        }
        return 0
    }

    private func readItems(_ name: String, _ bytes: [UInt8], _ kind: RecordFile.Kind) {
        folder.rewrite(name, bytes)
        guard let file = try? RecordFile("\(folder.path)/\(name)", kind: kind) else {
            // Not even an index of a ring.
            return precondition(kind == .wrap)
        }
        var items = 0
        _ = try? file.read { item in
            items += 1
            precondition(items <= bytes.count + 10, "it does not end")
            return true
        }
    }
}
