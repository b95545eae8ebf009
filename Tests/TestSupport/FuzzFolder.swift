import Glibc

/// Where a fuzzer lays the files that each input makes: memory, unless `TIDEMARK_FUZZ_DATA` says
/// otherwise.
package struct FuzzFolder {
    package let path: String

    /// How a file is treated: gone through as it lies, which is cheap, or opened as a resource.
    ///
    /// `TIDEMARK_FUZZ=opened` asks for the latter: an input takes a hundred times as long.
    package static let opens = getenv("TIDEMARK_FUZZ").map { String(cString: $0) } == "opened"

    package init() {
        let folder = getenv("TIDEMARK_FUZZ_DATA").map { String(cString: $0) } ?? "/dev/shm"
        path = "\(folder)/tidemark-fuzz-\(getpid())/1/2/3/4"
        // So deep that a name with `..` in an input stays inside.
        var made = folder
        for part in path.dropFirst(folder.utf8.count + 1).split(separator: "/") {
            made += "/\(part)"
            mkdir(made, 0o750)
        }
    }

    /// A new file in the place of what may be there.
    package func write(_ name: String, _ bytes: [UInt8]) {
        unlink("\(path)/\(name)")
        let file = open("\(path)/\(name)", O_WRONLY | O_CREAT, 0o640)
        precondition(file >= 0 && Glibc.write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }

    /// The same file with other bytes, which is quicker.
    package func rewrite(_ name: String, _ bytes: [UInt8]) {
        let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_TRUNC, 0o640)
        precondition(file >= 0 && Glibc.write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }

    /// What a file holds, up to 1 MiB.
    package func read(_ name: String) -> [UInt8] {
        let file = open("\(path)/\(name)", O_RDONLY)
        guard file >= 0 else { return [] }
        defer { close(file) }
        return [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
            count = max(0, Glibc.read(file, buffer.baseAddress, buffer.count))
        }
    }

    /// Removes what is in a folder.
    package func clear(_ folder: String) {
        guard let listing = opendir("\(path)/\(folder)") else { return }
        defer { closedir(listing) }
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            // The name of a file may have been made that of a folder.
            if unlink("\(path)/\(folder)/\(name)") != 0, errno == EISDIR {
                clear("\(folder)/\(name)")
                rmdir("\(path)/\(folder)/\(name)")
            }
        }
    }
}
