/// Where a record lies: a log file's number and the byte in it; `WT_LSN`.
package struct LSN: Comparable, Hashable, Sendable {
    package let file: UInt32
    package let offset: UInt32

    package init(file: UInt32, offset: UInt32) {
        self.file = file
        self.offset = offset
    }

    /// No record.
    package static let none = LSN(file: 0, offset: 0)
    /// The beginning of a log, whichever file that is; `WT_INIT_LSN`.
    package static let beginning = LSN(file: 1, offset: 0)

    /// Both numbers as one, which orders LSNs as they are ordered.
    package var number: UInt64 { UInt64(file) << 32 | UInt64(offset) }

    package init(number: UInt64) {
        file = UInt32(number >> 32)
        offset = UInt32(truncatingIfNeeded: number)
    }

    /// `number` in the type that positions of all kinds of logs have.
    package var position: Int { Int(bitPattern: UInt(number)) }

    package init(position: Int) { self.init(number: UInt64(UInt(bitPattern: position))) }

    package static func < (left: LSN, right: LSN) -> Bool { left.number < right.number }

    func advanced(by bytes: Int) -> LSN {
        LSN(file: file, offset: UInt32(clamping: Int(offset) + bytes))
    }
}

extension LSN: CustomStringConvertible {
    /// `file,offset`.
    package var description: String { "\(file),\(offset)" }

    /// The LSN that `file,offset` names; nil if the text is anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.allSatisfy({ $0 == 0x2C || (0x30...0x39).contains($0) }),
            parts.allSatisfy({ $0.utf8.count < 10 || $0.utf8.count == 10 && $0.first != "0" }),
            let file = UInt32(parts[0]), let offset = UInt32(parts[1])
        else { return nil }
        self.init(file: file, offset: offset)
    }
}
