// What changes a log besides appending: each in the order of everything that was asked before.

extension DiskLog {
    package typealias Completion<Outcome> = @Sendable (Result<Outcome, StoreError>) -> Void

    /// What a truncation or reopening left.
    package struct Emptied: Sendable {
        package let lostItems: Int
        package let position: Int
        package let generation: Int
    }

    /// Puts everything that was logged before on stable storage; sync/1.
    package func sync(
        by caller: LogCaller, waitMilliseconds: Int, complete: @escaping Completion<Int>
    ) {
        let committer = committer
        change(by: caller, waitMilliseconds, complete, reportsStatus: true) {
            (engine) throws(StoreError) in
            try committer.flush()
            engine.notices.report(nil)
            return engine.view.position
        }
    }

    /// Moves on to the next file; inc_wrap_file/1 and next_file/1.
    ///
    /// - Returns: through `complete`, the number of the file that is written now.
    package func moveOn(
        by caller: LogCaller, waitMilliseconds: Int, complete: @escaping Completion<Int>
    ) {
        if mode == .readOnly { return complete(.failure(.log(.readOnlyMode(name: name)))) }
        if type == .halt { return complete(.failure(.log(.haltLog(name: name)))) }
        let tells = type == .wrap
        let committer = committer
        change(by: caller, waitMilliseconds, complete, reportsStatus: true) {
            (engine) throws(StoreError) in
            let lost = try engine.change { (writer) throws(StoreError) in
                try writer.moveOn(isDurable: true)
            }
            try committer.flush()
            if tells { engine.notices.send(.wrap(lostItems: lost)) }
            return engine.view.figures.currentFile
        }
    }

    /// Empties the log; truncate/1,2 and btruncate/2.
    ///
    /// - Parameter head: used this once in the place of the log's own.
    package func truncate(
        head: LogHead?, expecting expectation: Expectation, by caller: LogCaller,
        waitMilliseconds: Int, complete: @escaping Completion<Emptied>
    ) {
        empty(expectation, by: caller, .change, waitMilliseconds, complete) {
            (writer) throws(StoreError) in try writer.truncate(head: head)
        }
    }

    /// Gives the files another base name and starts anew under the old one; reopen/2,3, breopen/3.
    package func reopen(
        as base: String, head: LogHead?, by caller: LogCaller,
        complete: @escaping Completion<Emptied>
    ) {
        empty(.none, by: caller, .reopen, 0, complete) { (writer) throws(StoreError) in
            try writer.reopen(as: base, head: head)
        }
    }

    private func empty(
        _ expectation: Expectation, by caller: LogCaller, _ request: LogRequest,
        _ waitMilliseconds: Int, _ complete: @escaping Completion<Emptied>,
        _ body: @escaping @Sendable (inout any LogWriter) throws(StoreError) -> Void
    ) {
        let name = name
        change(as: request, by: caller, waitMilliseconds, complete) { (engine) throws(StoreError) in
            try engine.check(expectation)
            let lost = engine.view.figures.items
            do throws(StoreError) {
                try engine.change(body)
            } catch {
                switch error {
                // A head that could not be made has changed nothing, nor has a log that was closed
                // meanwhile.
                case .log(.invalidHeader), .log(.noSuchLog): throw error
                default: break
                }
                if case .reopen = request { engine.abandon() } else { try? engine.close() }
                throw .log(.stopped(name: name, because: error))
            }
            engine.notices.send(.truncated(lostItems: lost))
            engine.notices.report(nil)
            let view = engine.view
            return Emptied(
                lostItems: lost, position: view.position, generation: view.generation)
        }
    }

    /// Succeeds if the log is as expected once everything that was asked before is done.
    func verify(
        _ expectation: Expectation, by caller: LogCaller, waitMilliseconds: Int,
        complete: @escaping Completion<Void>
    ) {
        change(by: caller, waitMilliseconds, complete) { (engine) throws(StoreError) in
            try engine.check(expectation)
        }
    }

    /// Changes the size; change_size/2.
    package func changeSize(
        _ size: LogSize, expecting expectation: Expectation = .none, by caller: LogCaller,
        waitMilliseconds: Int, complete: @escaping Completion<Void>
    ) {
        let type = type
        change(by: caller, waitMilliseconds, complete) { (engine) throws(StoreError) in
            try engine.check(expectation)
            try size.check(for: type)
            do throws(StoreError) {
                try engine.change { (writer) throws(StoreError) in try writer.changeSize(size) }
            } catch {
                if case .io = error { engine.notices.report(error) }
                throw error
            }
        }
    }

    /// Changes what files begin with that are made from now on; change_header/2.
    package func changeHead(
        _ head: LogHead, expecting expectation: Expectation = .none, by caller: LogCaller,
        waitMilliseconds: Int, complete: @escaping Completion<Void>
    ) {
        change(by: caller, waitMilliseconds, complete) { [self] (engine) throws(StoreError) in
            try engine.check(expectation)
            try engine.change { writer in writer.changeHead(head) }
            setHead(head)
        }
    }

    /// Refuses, or keeps back, what others ask until the log is unblocked; block/1,2.
    ///
    /// `complete` is called when everything that was asked before is done.
    package func block(
        by handle: String, queues: Bool, waitMilliseconds: Int,
        complete: @escaping Completion<Void>
    ) {
        let committer = committer
        owners.admit(
            .block(by: handle, queues: queues), by: .handle(handle),
            waitMilliseconds: waitMilliseconds
        ) { refusal in
            if let refusal { return complete(.failure(refusal)) }
            committer.perform { _ in complete(.success(())) }
        }
    }

    /// Lifts the caller's block; unblock/1.
    package func unblock(by caller: LogCaller) throws(StoreError) {
        try owners.unblock(by: caller)
    }

    /// Tells an owner of notices from now on, or no more; change_notify/3.
    package func changeNotify(
        of owner: String, to notify: Bool, by caller: LogCaller, waitMilliseconds: Int,
        complete: @escaping Completion<Void>
    ) {
        owners.admit(.change, by: caller, waitMilliseconds: waitMilliseconds) { [self] refusal in
            if let refusal { return complete(.failure(refusal)) }
            committer.perform { [self] _ in
                guard owners.holders.owners[owner] != nil else {
                    return complete(.failure(.log(.notOwner(handle: owner))))
                }
                _ = owners.update { $0.owners[owner] = notify }
                notify ? notices.subscribe(owner) : notices.unsubscribe(owner)
                complete(.success(()))
            }
        }
    }

    /// Calls `body` in its turn, on the committer's thread.
    private func change<Outcome: Sendable>(
        as request: LogRequest = .change, by caller: LogCaller, _ waitMilliseconds: Int,
        _ complete: @escaping Completion<Outcome>, reportsStatus: Bool = false,
        _ body: @escaping @Sendable (DiskLogEngine) throws(StoreError) -> Outcome
    ) {
        if mode == .readOnly { return complete(.failure(.log(.readOnlyMode(name: name)))) }
        let committer = committer
        owners.admit(request, by: caller, waitMilliseconds: waitMilliseconds) { refusal in
            if let refusal { return complete(.failure(refusal)) }
            committer.perform { engine in
                do throws(StoreError) {
                    complete(.success(try body(engine)))
                } catch {
                    if reportsStatus { engine.notices.report(error) }
                    complete(.failure(error))
                }
            }
        }
    }
}
