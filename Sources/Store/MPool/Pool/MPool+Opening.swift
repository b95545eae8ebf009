import Glibc
import Synchronization

extension MPool {
    /// The region of a pool in its directory.
    package static let regionName = "__db_mpool.share"

    private static let attempts = 3

    /// Opens a pool: joins the one that lives in `directory`, or makes it; memp_open.
    ///
    /// Who joins takes the pool's settings as they are.
    /// - Parameters:
    ///   - directory: must exist; nil for a pool of this process alone.
    ///   - name: what errors call the pool.
    /// - Throws: `.noSuchMPool`, `.badArgument`, `.busy` if the region stays locked for two seconds.
    package static func open(
        _ directory: String?, name: String = "mpool", _ options: MPoolOptions
    ) throws(StoreError) -> MPool {
        if options.cacheSize != 0 { try MPoolOptions.check(cacheSize: options.cacheSize) }
        guard !options.isPrivate else {
            let memory = try RegionMemory(RegionLayout(options), file: nil)
            make(memory, options)
            let region = Region(memory, process: 0)
            region.control.process(0).pointee.store(UInt32(getpid()), ordering: .relaxed)
            return MPool(
                region: region, name: name, options: options,
                temporaryFolder: directory ?? temporaryFolder)
        }
        guard let directory else {
            throw .badArgument(option: "dir", detail: "a pool without a directory is private")
        }
        let guardian = try RegionGuard(directory, name: name, attempts: attempts)
        let path = directory + "/" + regionName
        let region = try guardian.holding { () throws(StoreError) in
            if let joined = try join(path, name, options) { return joined }
            return try create(path, name, options)
        }
        return MPool(region: region, name: name, options: options, temporaryFolder: directory)
    }

    /// Removes the files of a pool; one that is not there is no error.
    ///
    /// memp_unlink.
    ///
    /// - Throws: `.inUse` if somebody has it open, unless `force` is set. Then those inside go on.
    package static func unlink(
        _ directory: String, name: String = "mpool", force: Bool = false
    ) throws(StoreError) {
        var status = stat()
        guard lstat(directory, &status) == 0 else { return }
        let guardian = try RegionGuard(directory, name: name, attempts: attempts)
        let path = directory + "/" + regionName
        try guardian.holding { () throws(StoreError) in
            guard lstat(path, &status) == 0 else { return }
            if !force, let memory = try existing(path, name) {
                let control = RegionControl(base: memory.base)
                let isUsed = (0..<memory.layout.processes).contains {
                    let number = control.process($0).pointee.load(ordering: .relaxed)
                    return number != 0 && number != RegionControl.closedWithPins
                        && !memory.isGone(process: $0)
                }
                if isUsed { throw .mpool(.inUse(name: name)) }
            }
            _ = try retryingSystemCall("unlink", path) { Glibc.unlink(path) }
        }
    }

    // MARK: Making and joining

    private static func create(
        _ path: String, _ name: String, _ options: MPoolOptions
    ) throws(StoreError) -> Region {
        guard options.create else { throw .mpool(.noSuchMPool(name: name)) }
        let layout = RegionLayout(options)
        do throws(StoreError) {
            let file = try RegionMemory.SharedFile(
                File(
                    path: path, name: name, flags: O_RDWR | O_CREAT | O_EXCL, mode: options.mode))
            try file.file.truncate(to: layout.byteCount)
            let memory = try RegionMemory(layout, file: file)
            try memory.back(from: 0, count: RegionLayout.controlBytes)
            try memory.back(from: RegionLayout.bucketsAt, count: layout.buckets * 4)
            make(memory, options)
            return try enter(memory, name)
        } catch {
            Glibc.unlink(path)
            throw error
        }
    }

    private static func make(_ memory: RegionMemory, _ options: MPoolOptions) {
        let control = RegionControl(base: memory.base)
        let layout = memory.layout
        var state = RegionControl.State()
        state.magic = RegionControl.magic
        state.version = RegionControl.version
        (state.bootHigh, state.bootLow) = bootIdentity
        state.reserve = layout.reserve
        state.smallestPage = layout.smallestPage
        state.largestPage = layout.largestPage
        state.buckets = layout.buckets
        state.processes = layout.processes
        state.processBound = 1
        state.cacheSize = options.cacheSize == 0 ? 131_072 : options.cacheSize
        state.mmapSize = options.mmapSize == 0 ? 10_485_760 : options.mmapSize
        state.noMmap = options.noMmap
        state.policy = options.policy == .lru ? 0 : 1
        control.state.pointee = state
        control.clock.pointee.store(PagePriority.firstStamp, ordering: .relaxed)
        RegionLock(at: memory.base + RegionControl.lockAt).make(isShared: memory.isShared)
        control.state.pointee.isReady = 1
    }

    /// The region in a file, mapped; nil if there is none that can be used.
    ///
    /// - Throws: `.busy` if there is one that this program does not understand and others do.
    private static func existing(
        _ path: String, _ name: String
    ) throws(StoreError) -> RegionMemory? {
        let file: RegionMemory.SharedFile
        do throws(StoreError) {
            file = try RegionMemory.SharedFile(File(path: path, name: name, flags: O_RDWR))
        } catch {
            if case .io(let fault) = error, fault.errno == ENOENT { return nil }
            throw error
        }
        let state: RegionControl.State = try file.file.read(
            at: RegionControl.stateAt, count: MemoryLayout<RegionControl.State>.size
        ).withUnsafeBytes { bytes in
            bytes.count < MemoryLayout<RegionControl.State>.size
                ? .init() : bytes.loadUnaligned(as: RegionControl.State.self)
        }
        if state.isSane, MPool.isOfThisBoot(state) {
            let layout = RegionLayout(state)
            if Int(try file.file.status().st_size) >= layout.byteCount {
                let memory = try RegionMemory(layout, file: file)
                if RegionCheck(memory).isSound { return memory }
            }
        }
        // Of another version, perhaps: whoever is in it holds a byte of the file.
        if file.isClaimed { throw .mpool(.busy(name: name)) }
        return nil
    }

    /// Joins the pool in a region file; nil if there is none.
    ///
    /// A region of another start of the system, or one whose making was cut short, is none.
    private static func join(
        _ path: String, _ name: String, _ options: MPoolOptions
    ) throws(StoreError) -> Region? {
        guard let memory = try existing(path, name) else {
            if options.create { Glibc.unlink(path) }
            return nil
        }
        return try enter(memory, name)
    }

    /// Takes a process slot.
    private static func enter(
        _ memory: RegionMemory, _ name: String
    ) throws(StoreError) -> Region {
        for process in 0..<memory.layout.processes {
            guard memory.isGone(process: process), memory.claim(process: process) else { continue }
            let region = Region(memory, process: process)
            let newcomer = MPool(
                region: region, name: name, options: MPoolOptions(), temporaryFolder: "",
                isMember: false)
            try newcomer.locked { () throws(StoreError) in
                // What the last one in this slot left, if it was killed, goes before its number does.
                newcomer.reclaim(process)
                if process > 0 {
                    try region.backPins(of: process, from: 0, count: region.backedHeaders)
                }
                region.state.pointee.processBound = max(
                    region.state.pointee.processBound, process + 1)
                region.control.process(process).pointee.store(
                    UInt32(getpid()), ordering: .sequentiallyConsistent)
                newcomer.reclaimFromTheDead()
            }
            return region
        }
        throw .mpool(.busy(name: name))
    }

    /// Which start of the system this is.
    private static var bootIdentity: (UInt64, UInt64) {
        let path = "/proc/sys/kernel/random/boot_id"
        guard let file = try? File(path: path, name: path, flags: O_RDONLY),
            let text = try? file.read(at: 0, count: 36)
        else { return (0, 0) }
        let digits = text.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        let parts = [digits.prefix(16), digits.dropFirst(16)].map { half in
            half.reduce(UInt64(0)) { $0 << 4 | UInt64($1) }
        }
        return (parts[0], parts[1])
    }

    private static func isOfThisBoot(_ state: RegionControl.State) -> Bool {
        (state.bootHigh, state.bootLow) == bootIdentity
    }

    /// The folder that temporary files go to where no other is known.
    static var temporaryFolder: String {
        for variable in ["TMPDIR", "TEMP", "TMP"] {
            if let value = getenv(variable), value.pointee != 0 { return String(cString: value) }
        }
        var status = stat()
        return ["/var/tmp", "/usr/tmp", "/temp", "/tmp"].first { stat($0, &status) == 0 } ?? "/tmp"
    }
}

/// Keeps others from making, joining and removing the region in a directory meanwhile.
final class RegionGuard: Sendable {
    private let folder: File

    /// Tries once a second.
    init(_ directory: String, name: String, attempts: Int) throws(StoreError) {
        do throws(StoreError) {
            folder = try File(path: directory, name: name, flags: O_RDONLY | O_DIRECTORY)
        } catch {
            if case .io(let fault) = error, fault.errno == ENOENT {
                throw .mpool(.noSuchMPool(name: name))
            }
            throw error
        }
        for attempt in 1...attempts {
            if flock(folder.descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            if attempt < attempts { usleep(1_000_000) }
        }
        throw .mpool(.busy(name: name))
    }

    func holding<Result>(
        _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        try body()
    }
}
