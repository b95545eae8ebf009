import Glibc

/// Files that are made under hidden names, and get their own when all are there.
struct NewNames {
    let folder: DataDirectory
    private var names: [(temporary: String, name: String)] = []
    private var published: [String] = []

    init(in folder: DataDirectory) { self.folder = folder }

    mutating func add(_ temporary: String, as name: String) { names.append((temporary, name)) }

    /// Adds a small file that holds those bytes.
    mutating func add(_ bytes: [UInt8], as name: String) throws(StoreError) {
        let temporary = folder.temporaryName()
        add(temporary, as: name)
        let file = try folder.open(temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
        try file.write(bytes, at: 0)
        try file.sync()
    }

    /// - Throws: `.alreadyExists` if something has one of the names.
    mutating func publish() throws(StoreError) {
        for (temporary, name) in names {
            try folder.publish(temporary, as: name)
            published.append(name)
        }
        published = []
    }

    /// Removes all that was made.
    func abandon() {
        for name in published { folder.discard(name) }
        for (temporary, _) in names { folder.discard(temporary) }
    }
}
