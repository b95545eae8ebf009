import Glibc

// Whose the files are: root may work on a directory that a service uses under a name of its own, and
// must leave nothing in it that the service can't open.

extension DataDirectory {
    /// Gives a file that is about to get a name the owner of what has it now, or else of the folder.
    ///
    /// - Throws: `.fileAccess` if another's file would become that of this user.
    func setOwner(of temporary: String, before relative: String) throws(StoreError) {
        let isRoot = geteuid() == 0
        guard isRoot || !isServed else { return }
        var wanted = stat()
        let isThere = lstat(absolute(relative), &wanted) == 0
        guard isThere || (isRoot && stat(absolute(Self.folder(of: relative)), &wanted) == 0) else {
            return
        }
        var status = stat()
        // The service's own files need no descriptor, which there may be none of.
        if lstat(absolute(temporary), &status) == 0, status.st_uid == wanted.st_uid,
            status.st_gid == wanted.st_gid
        {
            return
        }
        // Not a link that somebody has put in its place meanwhile.
        let file = try open(temporary, flags: O_RDONLY | O_NOFOLLOW)
        if try file.setOwner(of: wanted) { try file.sync() }
    }

    /// Gives what this process has just made to the owner of the directory, if that is not root.
    static func give(_ path: String, toOwnerOf directory: String) {
        var wanted = stat()
        guard geteuid() == 0, stat(directory, &wanted) == 0, wanted.st_uid != 0 else { return }
        lchown(path, wanted.st_uid, wanted.st_gid)
    }

    static func folder(of relative: String) -> String {
        relative.split(separator: "/").dropLast().joined(separator: "/")
    }
}

extension File {
    /// Gives the file the owner and group that another has; `fchown(2)`.
    ///
    /// - Returns: whether that had to be done.
    /// - Throws: `.fileAccess` if its owner is another and can't be changed.
    func setOwner(of wanted: stat) throws(StoreError) -> Bool {
        let status = try status()
        let isOwner = status.st_uid == wanted.st_uid
        if isOwner, status.st_gid == wanted.st_gid { return false }
        if fchown(descriptor, wanted.st_uid, wanted.st_gid) == 0 { return true }
        let number = errno
        // The owner can open it, whatever its group is.
        guard isOwner else { throw StoreError(call: "fchown", errno: number, file: name) }
        return false
    }
}
