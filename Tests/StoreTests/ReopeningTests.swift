import Testing

@testable import Store

@Suite struct ReopeningTests {
    /// What was opened of `names`, and how far that was said to be.
    private func opened(
        _ names: [String], stoppingAt last: String? = nil
    ) -> (names: [String], progress: (done: Int, all: Int)) {
        let workers = Workers(name: "test", limit: 1)
        let reopening = Reopening()
        let opened = Locked<[String]>([])
        reopening.start(names, on: workers) { name in
            opened.withLock { $0.append(name) }
            if name == last { reopening.stop() }
        }
        // Ends when all jobs have.
        workers.stop()
        return (opened.withLock { $0 }, reopening.progress)
    }

    @Test func whatWasHeldIsOpenedInOrderAndCounted() {
        let (names, progress) = opened(["b", "a", ".hidden", "c"])
        #expect(names == ["a", "b", "c"])
        #expect(progress == (3, 3))
    }

    @Test func itEndsEarlyWithTheProcess() {
        let (names, progress) = opened(["a", "b", "c"], stoppingAt: "b")
        #expect(names == ["a", "b"])
        #expect(progress == (2, 3))
    }

    @Test func nothingHeldIsNothingUnderWay() {
        #expect(opened([]).progress == (0, 0))
    }
}
