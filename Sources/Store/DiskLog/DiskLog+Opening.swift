extension DiskLog {
    /// Compares what a further opening gives with the log as it is, in the original's order.
    ///
    /// - Throws: what differs first.
    func compare(_ given: LogOptions, _ holder: Logs.Holder) throws(StoreError) {
        if let file = given.file, file != base {
            throw .log(.nameAlreadyOpen(name: name, file: base))
        }
        if let mode = given.mode, mode != self.mode {
            throw .log(
                self.mode == .readWrite ? .openReadWrite(name: name) : .openReadOnly(name: name))
        }
        try compare("type", type.rawValue, given.type?.rawValue)
        try compare("format", format.rawValue, given.format?.rawValue)
        try compare("repair", repair.rawValue, given.repair?.rawValue)
        if type == .wrap, let size = given.size, size != .infinity, size != view.size {
            throw .log(.sizeMismatch(current: view.size, given: size))
        }
        if case .owner(let handle, let notify) = holder, let current = owners.holders.owners[handle]
        {
            try compare("notify", "\(current)", "\(notify)")
        }
        if let head = given.head, head != .none, head != self.head {
            throw .argumentMismatch(
                option: "head", expected: self.head.described, actual: head.described)
        }
    }

    private func compare(
        _ option: String, _ current: String, _ given: String?
    ) throws(StoreError) {
        guard let given, given != current else { return }
        throw .argumentMismatch(option: option, expected: current, actual: given)
    }

    /// Closes the files after everything that was asked before, and returns when that is done.
    func finish() -> Result<Void, StoreError> {
        let outcome = Locked<Result<Void, StoreError>?>(nil)
        committer.perform { engine in
            var result = Result<Void, StoreError>.success(())
            do throws(StoreError) {
                try engine.close()
            } catch {
                result = .failure(error)
            }
            outcome.withLock { [result] in $0 = result }
            outcome.wakeAll()
        }
        let result = outcome.whenReady({ $0 != nil }) { $0 } ?? .success(())
        let identity = UInt32(identity, radix: 16)
        cache?.forget { $0.identity == identity }
        return result
    }
}

extension LogHead {
    var described: String {
        switch self {
        case .none: "none"
        case .fixed(let bytes): "\(bytes.count) bytes"
        case .generated(let generator): generator.kind.rawValue
        }
    }
}
