/// Takes items out of bytes that were read, by the rules of chunk/3: handle_chunk/4 and
/// handle_chunk_ro/5 of disk_log_1.
struct ChunkParser {
    /// What stopped the parser.
    enum Stop: Equatable {
        /// Enough items, or nothing left in the bytes.
        case done
        /// The item at `offset` needs so many bytes.
        case needs(Int)
        /// At `offset` is no item.
        case damage
    }

    let request: ChunkRequest
    /// A log that is open for reading only passes over what is damaged, and counts it.
    let skipsDamage: Bool
    /// Whether the file ends with the bytes.
    let isWhole: Bool
    private(set) var items: [Range<Int>] = []
    private(set) var badBytes = 0
    /// How far the bytes have been used.
    private(set) var offset = 0
    private var taken = 0

    init(_ request: ChunkRequest, skipsDamage: Bool, isWhole: Bool) {
        self.request = request
        self.skipsDamage = skipsDamage
        self.isWhole = isWhole
    }

    /// Whether there is something to answer with.
    var hasResult: Bool { !items.isEmpty || badBytes > 0 }

    mutating func run(_ bytes: UnsafeRawBufferPointer) -> Stop {
        while offset < bytes.count, taken < request.limit {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let stop: Stop?
            switch LogItem.frame(rest) {
            case .item(let term, _): stop = take(term, rest)
            case .incomplete(let needed): stop = incomplete(needed, rest.count)
            case .noHeader: stop = incomplete(LogItem.headerSize, rest.count)
            case .noDigest:
                stop = incomplete(LogItem.headerSize + LogItem.digestSize + 1, rest.count)
            case .badMagic: stop = damaged(1)
            case .badDigest: stop = damaged(min(25, rest.count))
            }
            if let stop { return stop }
        }
        return .done
    }

    private mutating func take(
        _ term: Range<Int>, _ rest: UnsafeRawBufferPointer
    ) -> Stop? {
        let isLarge = term.count >= LogItem.largeSize
        if isLarge, !items.isEmpty { return .done }
        if request.mustDecode,
            !ExternalTerm.isTerm(UnsafeRawBufferPointer(rebasing: rest[term]))
        {
            guard skipsDamage else { return .damage }
            badBytes += term.count
            offset += term.upperBound
            taken += 1
            return nil
        }
        items.append(offset + term.lowerBound..<offset + term.upperBound)
        offset += term.upperBound
        taken += 1
        return isLarge ? .done : nil
    }

    /// An item that the bytes do not hold to its end.
    private mutating func incomplete(_ needed: Int, _ available: Int) -> Stop? {
        guard isWhole else { return .needs(needed) }
        // The file ends within the item: what came before it is answered first.
        if hasResult { return .done }
        guard skipsDamage else { return .damage }
        badBytes += available < LogItem.headerSize ? available : available - LogItem.headerSize
        offset += available
        return .done
    }

    private mutating func damaged(_ count: Int) -> Stop? {
        guard skipsDamage else { return .damage }
        badBytes += 1
        offset += count
        taken += 1
        return nil
    }
}
