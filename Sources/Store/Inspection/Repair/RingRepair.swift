/// The repair of a ring: of each of its files, and of the counts in its index.
struct RingRepair {
    let repair: FileRepair
    let path: String?

    private var folder: DataDirectory { repair.file.folder }
    private var base: String { repair.file.name }

    init(_ repair: FileRepair, _ path: String?) {
        self.repair = repair
        self.path = path
    }

    func run() throws(StoreError) -> [FileRepair.Part] {
        let index = try findIndex()
        guard let path else { return try runInPlace(index) }
        return try copy(to: path, index)
    }

    /// The index as far as it can be read; without one the file that was not closed is the newest.
    private func findIndex() throws(StoreError) -> RingIndex {
        var index = RingIndex.new
        switch try RingFiles(base, in: folder).index {
        case .whole(let whole): return whole
        case .cut(let current): index.current = current
        case .none:
            var open: [UInt32] = []
            for number in repair.file.numbers {
                let file = try LogFile.open(
                    "\(base).\(number)", format: .internal, mode: .readOnly, in: folder)
                if try file.mark() == .opened { open.append(number) }
            }
            guard let only = open.first, open.count == 1 else {
                throw .failed(
                    detail: "the index \(folder.shown(RingIndex.path(base))) is missing or "
                        + "damaged, and nothing else tells which file is the newest; dump and "
                        + "convert read the files by their numbers")
            }
            index.current = Int(only)
        }
        return index
    }

    private func counted(_ index: RingIndex, _ parts: [FileRepair.Part]) -> RingIndex {
        var counted = index
        for (number, part) in zip(repair.file.numbers, parts) { counted[Int(number)] = part.kept }
        return counted
    }

    private func runInPlace(_ index: RingIndex) throws(StoreError) -> [FileRepair.Part] {
        for number in repair.file.numbers where folder.isLink("\(base).\(number)") {
            throw .failed(
                detail: "\(folder.shown("\(base).\(number)")) is a symbolic link: a repair would "
                    + "put a file in its place")
        }
        var parts: [FileRepair.Part] = []
        for number in repair.file.numbers {
            parts.append(
                try LogFileRepair(repair, name: "\(base).\(number)", target: nil).run())
        }
        let counted = counted(index, parts)
        if try RingFiles(base, in: folder).index != .whole(counted) {
            try counted.replace(base, in: folder)
            try folder.syncFolder(of: base)
        }
        return parts
    }

    /// All files are made before the first gets its name; the index is the last.
    private func copy(
        to path: String, _ index: RingIndex
    ) throws(StoreError) -> [FileRepair.Part] {
        let (folderPath, newBase) = RecordFile.split(path)
        let target = DataDirectory(around: folderPath)
        try RingFiles.requireNone(newBase, in: target)
        var names = NewNames(in: target)
        var parts: [FileRepair.Part] = []
        do throws(StoreError) {
            for number in repair.file.numbers {
                let name = "\(newBase).\(number)"
                let (temporary, outcome) = try LogFileRepair(
                    repair, name: "\(base).\(number)", target: nil
                ).prepare(in: target)
                names.add(temporary, as: name)
                parts.append(
                    .init(
                        name: target.shown(name), kept: outcome.recovered,
                        badBytes: outcome.badBytes, firstBad: outcome.firstBad))
            }
            if folder.exists(RingSizeFile.path(base)) {
                let temporary = target.temporaryName()
                try target.copy(RingSizeFile.path(base), in: folder, to: temporary)
                names.add(temporary, as: RingSizeFile.path(newBase))
            }
            try names.add(counted(index, parts).encoded, as: RingIndex.path(newBase))
            try names.publish()
        } catch {
            names.abandon()
            throw error
        }
        return parts
    }
}
