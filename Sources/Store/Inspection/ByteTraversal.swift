/// Goes through bytes without framing, of a pool or an external log, divided as asked for.
struct ByteTraversal {
    let length: Int
    let request: ReadRequest
    let progress: (Int) -> Void
    /// Fills the buffer from that offset on; how many bytes there were.
    let read: (Int, UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
    private(set) var records = 0

    /// The longest line; what is longer is hardly text.
    private static let longestLine = 1 << 28
    private static let window = 1 << 20

    init(
        length: Int, _ request: ReadRequest, progress: @escaping (Int) -> Void,
        read: @escaping (Int, UnsafeMutableRawBufferPointer) throws(StoreError) -> Int
    ) {
        self.length = length
        self.request = request
        self.progress = progress
        self.read = read
    }

    mutating func run(
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        switch request.division {
        case .lines: try lines(take)
        case .pieces(let size): try pieces(size, take)
        }
    }

    private mutating func pieces(
        _ size: Int, _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        var offset = request.from
        while offset < length {
            let bytes = try load(offset, min(size, length - offset))
            guard try give(bytes, 0..<bytes.count, at: offset, take) else { return }
            offset += bytes.count
        }
    }

    private mutating func lines(
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) {
        var offset = request.from
        var wanted = Self.window
        while offset < length {
            let bytes = try load(offset, min(wanted, length - offset))
            var start = 0
            while let end = bytes[start...].firstIndex(of: 0x0A) {
                guard try give(bytes, start..<end, at: offset + start, take) else { return }
                start = end + 1
            }
            if offset + bytes.count == length {
                // The last line may have no end.
                if start < bytes.count {
                    _ = try give(bytes, start..<bytes.count, at: offset + start, take)
                }
                return
            }
            offset += start
            wanted = start > 0 ? Self.window : wanted * 2
            guard wanted <= Self.longestLine else {
                throw .badArgument(
                    option: "lines",
                    detail: "the line at byte \(offset) is longer than \(Self.longestLine) bytes; "
                        + "divide the bytes with --chunk")
            }
        }
    }

    private mutating func give(
        _ bytes: [UInt8], _ range: Range<Int>, at offset: Int,
        _ take: (FoundRecord) throws(StoreError) -> Bool
    ) throws(StoreError) -> Bool {
        progress(offset + range.count)
        let isWanted = try bytes.withBytes { (all) throws(StoreError) in
            try take(
                FoundRecord(
                    position: offset, file: nil, offset: offset,
                    content: .bytes(UnsafeRawBufferPointer(rebasing: all[range]))))
        }
        if isWanted { records += 1 }
        return isWanted
    }

    private func load(_ offset: Int, _ count: Int) throws(StoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let found = try bytes.withMutableBytes { (bytes) throws(StoreError) in
            try read(offset, bytes)
        }
        guard found == count else {
            throw .cutShort(
                detail: "it became shorter while it was read: it ends at \(offset + found)")
        }
        return bytes
    }
}
