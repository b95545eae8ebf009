import Glibc

extension DataDirectory {
    /// Bytes of the files that `isWanted` takes by their paths, among those that can be seen.
    ///
    /// The region file of a buffer pool counts as far as it has blocks. Waits for the disk.
    package func size(ofFiles isWanted: (String) -> Bool) throws(StoreError) -> Int {
        try size(of: ".", depth: 0, isWanted)
    }

    private func size(
        of folder: String, depth: Int, _ isWanted: (String) -> Bool
    ) throws(StoreError) -> Int {
        var size = 0
        for name in try names(in: folder) {
            let path = folder == "." ? name : folder + "/" + name
            var status = stat()
            // What goes away meanwhile takes nothing.
            guard lstat(absolute(path), &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR where depth < 16:
                size += try self.size(of: path, depth: depth + 1, isWanted)
            case S_IFREG where isWanted(path):
                let isSparse = path.hasPrefix("mpools/")
                size += isSparse ? min(status.st_size, status.st_blocks * 512) : status.st_size
            default: break
            }
        }
        return size
    }
}
