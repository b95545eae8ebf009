/// Makes the next log file while the current one is being written.
final class FilePreparer: Sendable {
    private struct State {
        var path: String?
        var isBusy = false
        var isStopped = false
        var next: UInt32 = 1
    }

    private let maker: LogFileMaker
    private let workers: Workers
    private let statistics: JournalStatistics
    private let state = Locked(State())

    init(_ maker: LogFileMaker, workers: Workers, statistics: JournalStatistics) {
        self.maker = maker
        self.workers = workers
        self.statistics = statistics
    }

    /// Begins to make a file, unless there is one.
    func start() {
        let number: UInt32? = state.withLock { state in
            guard state.path == nil, !state.isBusy, !state.isStopped else { return nil }
            state.isBusy = true
            defer { state.next += 1 }
            return state.next
        }
        guard let number else { return }
        workers.submit { [self] in
            // Failing is no error: the file is then made when it is needed.
            let path = try? maker.prepare(number)
            if path != nil { statistics.add(.prepared) }
            state.withLock { state in
                state.path = path
                state.isBusy = false
            }
            state.wakeAll()
        }
    }

    /// The file, if it is ready; it is the caller's from then on.
    func take() -> String? { state.withLock { $0.path.take() } }

    /// Makes no more, and removes what was made.
    func stop() {
        state.withLock { $0.isStopped = true }
        let left: String? = state.whenReady({ !$0.isBusy }) { $0.path.take() }
        if let left { maker.directory.data.discard(left) }
    }
}
