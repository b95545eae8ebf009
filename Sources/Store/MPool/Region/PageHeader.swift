import Synchronization

/// What a region knows of one page; 64 bytes.
///
/// A header and its memory belong together for good: `offset` and `pageSize` never change. Whoever
/// holds the region's lock may change the rest, with two exceptions that make a hit need no lock:
///
/// - A pin is counted first, and counts only if the key is still the page's afterwards. Whoever wants
///   the page for itself marks the key first and looks at the pins afterwards, so that one of the two
///   sees the other.
/// - The last put stores its stamp before it takes its pin away.
struct PageHeader {
    let base: UnsafeMutableRawPointer

    @inline(__always)
    init(base: UnsafeMutableRawPointer) { self.base = base }

    /// The page, and in its lowest four bits what is being done with it; 0 if the header is free.
    @inline(__always)
    var key: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(0) }

    /// Has the line fetched from another core once: whoever finds its page here writes to it next.
    @inline(__always)
    func fetchToWrite() { base.fetchToWrite() }

    /// When the last pin was given back.
    @inline(__always)
    var stamp: UnsafeMutablePointer<Atomic<UInt64>> { base.word64(16) }

    /// The next header in the bucket, by number plus 1; 0 at the end.
    @inline(__always)
    var next: UnsafeMutablePointer<Atomic<UInt32>> { base.word32(24) }

    @inline(__always)
    var flagBits: UnsafeMutablePointer<Atomic<UInt32>> { base.word32(28) }

    /// How often it was hit since S3-FIFO last looked, up to 3.
    @inline(__always)
    var frequency: UnsafeMutablePointer<Atomic<UInt32>> { base.word32(44) }

    var offset: Int {
        get { base.load(fromByteOffset: 32, as: Int.self) }
        nonmutating set { base.storeBytes(of: newValue, toByteOffset: 32, as: Int.self) }
    }

    var pageSize: Int {
        get { Int(base.load(fromByteOffset: 40, as: UInt32.self)) }
        nonmutating set {
            base.storeBytes(of: UInt32(newValue), toByteOffset: 40, as: UInt32.self)
        }
    }

    /// Neighbours in a queue of S3-FIFO, by number plus 1; `after` also links the free headers.
    var before: UInt32 {
        get { base.load(fromByteOffset: 48, as: UInt32.self) }
        nonmutating set { base.storeBytes(of: newValue, toByteOffset: 48, as: UInt32.self) }
    }

    var after: UInt32 {
        get { base.load(fromByteOffset: 52, as: UInt32.self) }
        nonmutating set { base.storeBytes(of: newValue, toByteOffset: 52, as: UInt32.self) }
    }

    /// The process that reads or writes the page at the moment.
    var ioProcess: UInt8 {
        get { base.load(fromByteOffset: 56, as: UInt8.self) }
        nonmutating set { base.storeBytes(of: newValue, toByteOffset: 56, as: UInt8.self) }
    }

    /// 0 for the small queue of S3-FIFO, 1 for the main one, 2 for none.
    var queue: UInt8 {
        get { base.load(fromByteOffset: 57, as: UInt8.self) }
        nonmutating set { base.storeBytes(of: newValue, toByteOffset: 57, as: UInt8.self) }
    }

    /// Which write to its file the page's last one was, by its lower half; 0 if it was never written.
    var lastWrite: UInt32 {
        get { base.load(fromByteOffset: 60, as: UInt32.self) }
        nonmutating set { base.storeBytes(of: newValue, toByteOffset: 60, as: UInt32.self) }
    }

    /// What is known of a page besides its bytes; changed under the region's lock alone.
    struct Flags: OptionSet {
        let rawValue: UInt32
        static let dirty = Flags(rawValue: 1)
        /// It goes to the cold end at each last put.
        static let discarded = Flags(rawValue: 2)
        /// A checkpoint waits for its last put.
        static let pending = Flags(rawValue: 4)
        /// A copy is on its way to the file.
        static let writing = Flags(rawValue: 8)
        /// It was marked dirty while a copy was on its way.
        static let changedWhileWriting = Flags(rawValue: 16)
        /// Its file was closed, and a pin is left.
        static let orphan = Flags(rawValue: 32)
        /// Memory was given back and has to be backed again.
        static let unbacked = Flags(rawValue: 64)

        /// A put gave it another priority than its file has.
        static let ranked = Flags(rawValue: 128)

        /// What the last put has work with.
        static let needsCare: Flags = [.discarded, .pending, .orphan, .ranked]
    }

    @inline(__always)
    var flags: Flags { Flags(rawValue: flagBits.pointee.load(ordering: .sequentiallyConsistent)) }

    /// Gives a header flags that nobody can be waiting for: its page has gone, or is not there yet.
    func reset(_ flags: Flags = []) {
        flagBits.pointee.store(flags.rawValue, ordering: .relaxed)
    }

    func set(_ flags: Flags) {
        flagBits.pointee.store(flags.rawValue, ordering: .sequentiallyConsistent)
    }
}

/// A page's name in the page table.
///
/// ```
/// 63      32 31    22 21         4 3      0
/// page number file     generation   what is being done
/// ```
struct PageKey: Equatable {
    let bits: UInt64

    static let loading: UInt64 = 2
    static let busy: UInt64 = 4
    static let orphan: UInt64 = 8
    private static let valid: UInt64 = 1
    private static let doing: UInt64 = 15

    @inline(__always)
    init(bits: UInt64) { self.bits = bits }

    @inline(__always)
    init(file: UInt64, pgno: UInt32) { bits = UInt64(pgno) << 32 | file }

    /// What the keys of a file's pages have in common.
    static func file(slot: Int, generation: UInt32) -> UInt64 {
        UInt64(slot) << 22 | UInt64(generation & 0x3FFFF) << 4 | valid
    }

    var isFree: Bool { bits == 0 }
    var isLoading: Bool { bits & Self.loading != 0 }
    var isOrphan: Bool { bits & Self.orphan != 0 }
    /// The page, whatever is being done with it.
    var settled: PageKey { PageKey(bits: bits & ~Self.doing | Self.valid) }
    var pgno: UInt32 { UInt32(bits >> 32) }
    var slot: Int { Int(bits >> 22 & 0x3FF) }
    var file: UInt64 { settled.bits & 0xFFFF_FFFF }

    @inline(__always)
    var hash: UInt64 { (bits >> 1) &* 0x9E37_79B9_7F4A_7C15 }
}

/// A page's pins of one process, and how often they were taken since it came in.
enum PinWord {
    static let pin: UInt64 = 1
    static let hit: UInt64 = 1 << 20
    static let mask: UInt64 = hit - 1
    /// The most pins of one page, all processes together.
    static let limit: UInt64 = 65_535
    /// From here on the sum of all processes is looked at.
    static let cautious: UInt64 = limit / UInt64(RegionLayout.processes)
}
