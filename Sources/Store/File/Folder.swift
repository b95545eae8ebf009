import Glibc

/// A folder that is kept open: making durable which names it holds needs no further descriptor.
final class Folder: Sendable {
    private let file: File
    private let device: UInt
    private let inode: UInt

    init(path: String, name: String) throws(StoreError) {
        file = try File(path: path, name: name, flags: O_RDONLY | O_DIRECTORY)
        let status = try file.status()
        device = status.st_dev
        inode = status.st_ino
    }

    func sync() throws(StoreError) { try file.sync() }

    /// Whether the folder still lies at that path.
    func lies(at path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode
    }
}

/// The folders that somebody keeps open, by path.
final class Folders: Sendable {
    private struct Kept {
        weak var folder: Folder?
    }

    private let kept = Locked<[String: Kept]>([:])

    /// The folder, if somebody keeps it open and nobody has put another in its place.
    func find(_ path: String) -> Folder? {
        let folder = kept.withLock { $0[path]?.folder }
        return folder?.lies(at: path) == true ? folder : nil
    }

    /// The folder, to be kept open as long as somebody has it.
    func keep(_ path: String, name: String) throws(StoreError) -> Folder {
        if let folder = find(path) { return folder }
        let folder = try Folder(path: path, name: name)
        kept.withLock { kept in
            kept = kept.filter { $0.value.folder != nil }
            kept[path] = Kept(folder: folder)
        }
        return folder
    }
}
