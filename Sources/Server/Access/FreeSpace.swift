import API
import Store

extension Service {
    /// Keeps the last of the disk for what is there: that must still open, to be read and emptied.
    func requireFreeSpace(for call: Call) throws(Problem) {
        if !isThere(call) { try requireFreeSpace(0) }
    }

    /// Keeps the last of the disk free.
    func requireFreeSpace(_ bytes: Int) throws(Problem) {
        let free = try mapping { () throws(StoreError) in try store.directory.freeBytes() }
        guard free - settings.freeBytesFloor >= bytes else {
            throw Problem(
                .noSpace,
                "\(bytes) bytes would leave less than \(settings.freeBytesFloor) of \(free) free")
        }
    }

    /// Whether there is anything of the resource that the path names, open or not; waits.
    func isThere(_ call: Call) -> Bool {
        let name = call.name
        switch call.route.resourceKind {
        case "pools": return (try? store.pools.status(name)) != nil
        case "logs":
            return store.logs.loaded(name) != nil || (try? store.logs.closed(name)) != nil
        case "journals":
            return store.journals.loaded(name) != nil || (try? store.journals.closed(name)) != nil
        case "mpools": return (try? store.mpools.names())?.contains { $0.name == name } ?? false
        default: return false
        }
    }
}
