// What a crash has cut short, and is carried on with before anything else is done with the log.

extension Logs {
    /// What is remembered of the log, once nothing is half done; in the name's turn.
    func memory(of name: String) throws(StoreError) -> LogMemory {
        let memory = try LogMemory(of: name, in: directory)
        if memory.isDeleting, loaded(name) == nil {
            try finishDeleting(name, memory)
            return try LogMemory(of: name, in: directory)
        }
        if memory.movingTo != nil, loaded(name) == nil {
            return try finishReopening(name, memory)
        }
        return memory
    }

    func finishDeleting(_ name: String, _ memory: LogMemory) throws(StoreError) {
        let base = memory.file ?? Self.defaultBase(name)
        if try services.owners.isFree(base, for: Self.owner(name)) {
            for path in try filesOfLog(base)
            where try services.owners.isFree(path, for: Self.owner(name)) {
                try directory.unlink(path)
            }
            try directory.syncFolder(of: base)
        }
        try forget(name)
    }

    /// The note goes first: without it the place means nothing.
    func forget(_ name: String) throws(StoreError) {
        try directory.remove(LogMemory.path(of: name))
        directory.discard(LogPlaceFile.path(of: name))
        try? services.forget("logs", name, in: directory)
        services.owners.release(Self.owner(name))
    }

    /// Files that have kept the old name get the new one, if the renaming had begun and not ended.
    private func finishReopening(
        _ name: String, _ memory: LogMemory
    ) throws(StoreError) -> LogMemory {
        let options = try memory.checkedOptions(for: name)
        let base = memory.file ?? Self.defaultBase(name)
        let place = try LogPlace.read(LogPlaceFile.path(of: name), in: directory).first?.place
        if let target = memory.movingTo, let place, place.isReopening, place.isMoving {
            switch memory.type ?? .halt {
            case .halt:
                if directory.exists(base) { try directory.rename(base, to: target) }
            case .wrap:
                let highest = try RingSizeFile.read(base, in: directory)?.maxFiles
                try RingWriter.renameFiles(
                    base, to: target,
                    highest: max(Int(highest ?? 0), LogSize.fileNumberLimit - 1), in: directory)
            case .rotate:
                try RotateArchives(base: base, directory: directory).moveAway(
                    to: target, maxFiles: options.size?.files ?? 1)
            }
            try directory.syncFolder(of: target)
            try directory.syncFolder(of: base)
        }
        var changed = memory
        let hasSize = directory.exists(RingSizeFile.path(base))
        changed.move(to: nil, size: hasSize ? nil : memory.sizeWhenMoved)
        try changed.save(in: directory)
        return changed
    }
}

extension LogSize {
    /// How many files a ring has.
    fileprivate var files: Int? {
        if case .files(_, let files) = self { files } else { nil }
    }
}
