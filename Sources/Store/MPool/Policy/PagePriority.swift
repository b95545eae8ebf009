/// How willingly pages leave a pool of strict LRU: those of a lower priority go first, whenever they
/// were used.
///
/// A page has the priority of its file, unless its last put gave it another. S3-FIFO knows `veryLow`
/// alone.
package enum PagePriority: String, CaseIterable, Sendable {
    /// As if each put carried the flag to discard.
    case veryLow = "verylow"
    case low
    case normal = "default"
    case high
    case veryHigh = "veryhigh"

    /// What is added to the stamp of a put, so that the order of stamps is that of priorities, and
    /// within each that of the puts.
    var stampOffset: UInt64 {
        switch self {
        case .veryLow, .low: 0 &- Self.unit
        case .normal: 0
        case .high: Self.unit
        case .veryHigh: 2 &* Self.unit
        }
    }

    /// Stamps without an offset begin here.
    static let firstStamp: UInt64 = 1 << 62
    /// Stamps of discarded pages count down from here.
    static let firstCold: UInt64 = firstStamp - 2 * unit
    private static let unit: UInt64 = 1 << 58

    /// A number for the priority that a stamp was made with; lower ones leave first.
    static func rank(of stamp: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: stamp >> 58) }

    var rank: UInt8 { Self.rank(of: Self.firstStamp &+ stampOffset) }

    /// As a number in a region.
    var number: UInt8 { UInt8(Self.allCases.firstIndex(of: self) ?? 2) }

    init(number: UInt8) {
        self = Int(number) < Self.allCases.count ? Self.allCases[Int(number)] : .normal
    }
}
