// Changes that must be remembered besides being done.

extension Logs {
    /// Gives a log's files another base name, and starts it anew under the old one; reopen/2,3.
    ///
    /// What is to be done is remembered first: a crash in between is carried on with.
    package func reopen(
        _ log: DiskLog, as base: String, head: LogHead?, by caller: LogCaller,
        complete: @escaping DiskLog.Completion<DiskLog.Emptied>
    ) {
        services.files.submit { [self] in
            do throws(StoreError) {
                try prepareReopening(log, as: base)
            } catch {
                return complete(.failure(error))
            }
            log.reopen(as: base, head: head, by: caller) { [self] result in
                services.files.submit { [self] in
                    if !isHalfMoved(log, to: base, result) {
                        try? remember(log.name) { $0.move(to: nil) }
                    }
                    services.owners.release(base, of: Self.owner(log.name))
                    complete(result)
                }
            }
        }
    }

    /// Whether some files have got their new name and others not: the next opening carries on.
    private func isHalfMoved(
        _ log: DiskLog, to base: String, _ result: Result<DiskLog.Emptied, StoreError>
    ) -> Bool {
        guard case .failure(.log(.stopped)) = result, log.type != .halt else { return false }
        return (try? filesOfLog(base))?.isEmpty == false
    }

    private func prepareReopening(_ log: DiskLog, as base: String) throws(StoreError) {
        try ResourceName.checkPath(base, kind: "logs")
        if log.mode == .readOnly { throw .log(.readOnlyMode(name: log.name)) }
        if log.holders.queues != nil { throw .log(.blocked(name: log.name)) }
        guard base != log.base else { throw .log(.sameFileName(name: log.name)) }
        if let other = open.using(base).first {
            throw .log(.fileInUse(file: base, by: other.name))
        }
        // Until they have it, so that nothing is made under that name meanwhile.
        try services.owners.claim(
            target: base, for: Self.owner(log.name), isHalt: log.type == .halt
        ) { () throws(StoreError) in try filesOfLog(base).isEmpty }
        do throws(StoreError) {
            try directory.makeFolders(above: base)
            let size = log.type == .wrap ? log.view.size : nil
            try remember(log.name) { $0.move(to: base, size: size) }
        } catch {
            services.owners.release(base, of: Self.owner(log.name))
            throw error
        }
    }

    /// Changes size, head and durability, in this order, up to the first error.
    ///
    /// - Parameter expectation: what the first of them asks of the log.
    package func change(
        _ log: DiskLog, size: LogSize?, head: LogHead?, durability: Durability?,
        expecting expectation: Expectation, by caller: LogCaller, waitMilliseconds: Int,
        complete: @escaping DiskLog.Completion<Void>
    ) {
        let changeDurability: DiskLog.Completion<Void> = { [self] result in
            guard case .success = result, let durability else { return complete(result) }
            log.setDurability(durability)
            keep(log, result, complete) { $0.change(durability: durability) }
        }
        let changeHead: @Sendable (Expectation) -> DiskLog.Completion<Void> = { expectation in
            { [self] result in
                guard case .success = result, let head else { return changeDurability(result) }
                log.changeHead(
                    head, expecting: expectation, by: caller, waitMilliseconds: waitMilliseconds
                ) { [self] result in keep(log, result, changeDurability) { $0.change(head: head) } }
            }
        }
        if let size {
            log.changeSize(
                size, expecting: expectation, by: caller, waitMilliseconds: waitMilliseconds
            ) { [self] result in keep(log, result, changeHead(.none)) { $0.change(size: size) } }
        } else if head != nil {
            changeHead(expectation)(.success(()))
        } else if expectation == .none {
            changeDurability(.success(()))
        } else {
            log.verify(
                expectation, by: caller, waitMilliseconds: waitMilliseconds,
                complete: changeDurability)
        }
    }

    private func keep(
        _ log: DiskLog, _ result: Result<Void, StoreError>,
        _ complete: @escaping DiskLog.Completion<Void>,
        _ change: @escaping @Sendable (inout LogMemory) -> Void
    ) {
        guard case .success = result else { return complete(result) }
        services.files.submit { [self] in
            do throws(StoreError) {
                try remember(log.name, change)
                complete(.success(()))
            } catch {
                complete(.failure(.afterEffect(error)))
            }
        }
    }

    private func remember(
        _ name: String, _ change: (inout LogMemory) -> Void
    ) throws(StoreError) {
        try turns.with(name) { () throws(StoreError) in
            var memory = try memory(of: name)
            let before = memory
            change(&memory)
            if memory != before { try memory.save(in: directory) }
        }
    }
}
