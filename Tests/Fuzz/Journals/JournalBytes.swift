import Store
import TestSupport

/// Bytes of log files, made from those of an input.
enum JournalBytes {
    /// A log file without records, as a new journal has it.
    static func head(of store: Store, in folder: FuzzFolder) -> [UInt8] {
        var options = JournalOptions()
        options.fileMax = 102_400
        options.prealloc = false
        _ = try? store.journals.open("head", options)
        try? store.journals.close("head")
        defer { try? store.journals.delete("head", keepFiles: false) }
        return folder.read("journals/head/WiredTigerLog.0000000001")
    }

    /// A record with that body, whatever it is.
    static func record(_ body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        var tally = RecordTally()
        RecordEncoder().append(body: body, to: &bytes, &tally)
        return bytes
    }

    /// The file with the checksums of its records put right, as far as their lengths lead.
    static func mended(_ file: [UInt8]) -> [UInt8] {
        var file = file
        var place = 256
        while place + 16 <= file.count {
            let length = (0..<4).reduce(0) { $0 | Int(file[place + $1]) << (8 * $1) }
            guard length >= 16, place + length <= file.count else { break }
            for index in 4..<8 { file[place + index] = 0 }
            let sum = file[place..<place + length].withUnsafeBytes { CRC32C.checksum(of: $0) }
            for index in 0..<4 {
                file[place + 4 + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index)))
            }
            place += (length + 127) / 128 * 128
        }
        return file
    }
}
