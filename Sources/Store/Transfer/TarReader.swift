/// Takes in the members of a tar archive as they come.
protocol TarReceiver: ~Copyable {
    /// A member begins.
    mutating func begin(_ name: String, size: Int) throws(StoreError)
    /// Some of its bytes.
    mutating func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError)
    /// All of them have come.
    mutating func end() throws(StoreError)
    /// What the archive says of itself.
    mutating func comment(_ text: String)
}

/// Reads a tar archive in pieces of any size, in constant memory.
///
/// Only plain files are taken, and folders passed over: a member is never a way to name a file of
/// the host.
struct TarReader {
    private enum State {
        /// A header is being gathered.
        case header
        case content(left: Int)
        case padding(left: Int)
        /// Records for what follows are being gathered.
        case extended(TarHeader.Kind, left: Int)
        /// Nothing but zeros may come.
        case ended
    }

    private var state = State.header
    private var gathered: [UInt8] = []
    /// What was said of the next member before its header.
    private var nextName: String?
    private var nextSize: Int?

    /// Longer records of pax are refused.
    private static let longestRecords = 64 * 1024

    /// Whether nothing has come yet.
    private(set) var isEmpty = true

    /// - Throws: `.badArchive`, and what the receiver throws.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, into receiver: inout some TarReceiver & ~Copyable
    ) throws(StoreError) {
        var rest = bytes
        func split(_ count: Int) -> UnsafeRawBufferPointer {
            let first = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            return first
        }
        if !bytes.isEmpty { isEmpty = false }
        while !rest.isEmpty {
            switch state {
            case .header:
                gathered += split(TarHeader.blockSize - gathered.count)
                guard gathered.count == TarHeader.blockSize else { return }
                let block = gathered
                gathered = []
                try enter(block, &receiver)
            case .content(let left):
                let part = split(left)
                try receiver.write(part)
                state = .content(left: left - part.count)
                if part.count == left { try endMember(&receiver) }
            case .padding(let left):
                let count = split(left).count
                state = count == left ? .header : .padding(left: left - count)
            case .extended(let kind, let left):
                gathered += split(left - gathered.count)
                guard gathered.count == left else { return }
                let records = gathered
                gathered = []
                try remember(records, kind, &receiver)
                state = Self.behind(left)
            case .ended:
                guard rest.allSatisfy({ $0 == 0 }) else {
                    throw .badArchive(detail: "something follows the end of the archive")
                }
                return
            }
        }
    }

    /// - Throws: `.badArchive` if the archive was cut short.
    func finish() throws(StoreError) {
        guard case .ended = state else {
            throw .badArchive(
                detail: isEmpty
                    ? "nothing was sent; send a tar archive"
                    : "the archive ends before its end mark")
        }
    }

    private static func behind(_ size: Int) -> State {
        let padding = TarHeader.padding(size)
        return padding == 0 ? .header : .padding(left: padding)
    }

    private var size = 0

    private mutating func endMember(_ receiver: inout some TarReceiver & ~Copyable)
        throws(StoreError)
    {
        try receiver.end()
        state = Self.behind(size)
    }

    private mutating func enter(
        _ block: [UInt8], _ receiver: inout some TarReceiver & ~Copyable
    ) throws(StoreError) {
        if block.allSatisfy({ $0 == 0 }) {
            state = .ended
            return
        }
        let header = try TarHeader(block)
        switch header.kind {
        case .file, .oldFile:
            size = nextSize ?? header.size
            try receiver.begin(try Self.checked(nextName ?? header.name), size: size)
            (nextName, nextSize) = (nil, nil)
            state = .content(left: size)
            if size == 0 { try endMember(&receiver) }
        case .folder:
            _ = try Self.checked(nextName ?? header.name)
            (nextName, nextSize) = (nil, nil)
        case .extended, .global, .longName:
            guard (1...Self.longestRecords).contains(header.size) else {
                throw .badArchive(detail: "the archive has headers of \(header.size) bytes")
            }
            state = .extended(header.kind, left: header.size)
        }
    }

    private mutating func remember(
        _ bytes: [UInt8], _ kind: TarHeader.Kind, _ receiver: inout some TarReceiver & ~Copyable
    ) throws(StoreError) {
        if kind == .longName {
            nextName = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            return
        }
        let records = try PaxRecords.parse(bytes)
        if let comment = records["comment"] { receiver.comment(comment) }
        guard !records.keys.contains(where: { $0.hasPrefix("GNU.sparse") }) else {
            throw .badArchive(detail: "the archive has sparse files, which are not taken")
        }
        guard kind == .extended else { return }
        if let path = records["path"] { nextName = path }
        if let text = records["size"] {
            guard let size = Int(text), size >= 0 else {
                throw .badArchive(detail: "the archive has a size that cannot be read")
            }
            nextSize = size
        }
    }

    /// A name that leads nowhere else; nothing is ever opened by it.
    private static func checked(_ name: String) throws(StoreError) -> String {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.isEmpty, !name.hasPrefix("/"), !parts.contains(".."),
            !name.utf8.contains(where: { $0 < 0x20 })
        else { throw .badArchive(detail: "a member's name leads out of the archive") }
        return parts.filter { $0 != "." && !$0.isEmpty }.joined(separator: "/")
    }
}
