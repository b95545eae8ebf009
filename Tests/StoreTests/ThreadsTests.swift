import Foundation
import Synchronization
import Testing

@testable import Store

@Suite struct WorkersTests {
    @Test func everyJobRunsOnceAndStopWaitsForAll() {
        let workers = Workers(name: "test", limit: 4)
        let count = Atomic(0)
        for _ in 0..<1000 { workers.submit { count.add(1, ordering: .relaxed) } }
        workers.stop()
        #expect(count.load(ordering: .relaxed) == 1000)
    }

    @Test func noMoreThreadsRunThanTheLimit() {
        let workers = Workers(name: "test", limit: 3)
        let running = Locked((now: 0, most: 0))
        for _ in 0..<200 {
            workers.submit {
                running.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                sched_yield()
                running.withLock { $0.now -= 1 }
            }
        }
        workers.stop()
        let most = running.withLock { $0.most }
        #expect((1...3).contains(most))
    }

    @Test func jobsThatWaitForANamesTurnKeepNoThreadFromOthers() {
        let workers = Workers(name: "test", limit: 2)
        let turns = NameTurns(on: workers)
        let isOthersDone = Locked(false)
        let isTaken = Locked(false)
        let done = Atomic(0)
        workers.submit {
            try? turns.with("name") { () throws(StoreError) in
                isTaken.withLock { $0 = true }
                isTaken.wakeAll()
                // Ends only once a job has run that was submitted behind those that wait for the turn.
                isOthersDone.whenReady(before: .now.advanced(milliseconds: 60_000), { $0 }) {
                    isDone in
                    if isDone { done.add(1, ordering: .relaxed) }
                }
            }
        }
        isTaken.whenReady({ $0 }) { _ in }
        for _ in 0..<20 {
            workers.submit {
                try? turns.with("name") { () throws(StoreError) in
                    _ = done.add(1, ordering: .relaxed)
                }
            }
        }
        workers.submit {
            isOthersDone.withLock { $0 = true }
            isOthersDone.wakeAll()
        }
        workers.stop()
        #expect(done.load(ordering: .relaxed) == 21)
    }

    @Test func whatAJobHoldsGoesWithIt() {
        final class Held: Sendable {
            let count: Locked<Int>
            init(_ count: Locked<Int>) { self.count = count }
            deinit {
                count.withLock { $0 += 1 }
                count.wakeAll()
            }
        }
        let workers = Workers(name: "test", limit: 1)
        let gone = Locked(0)
        let goOn = Locked(false)
        for number in 0..<10 {
            let held = Held(gone)
            workers.submit {
                withExtendedLifetime(held) {}
                if number == 9 { goOn.whenReady({ $0 }) { _ in } }
            }
        }
        // One waits behind all of them, so that the queue is never empty meanwhile.
        workers.submit {}
        let count = gone.whenReady(before: .now.advanced(milliseconds: 60_000), { $0 >= 9 }) { $0 }
        #expect(count >= 9)
        goOn.withLock { $0 = true }
        goOn.wakeAll()
        workers.stop()
    }
}

@Suite struct WatermarkTests {
    @Test func waitersAreResumedWhenTheirTargetIsReached() {
        let timers = Timers()
        defer { timers.stop() }
        let watermark = Watermark(position: 5, timers: timers)
        let log = Locked<[String]>([])
        let note: @Sendable (String) -> @Sendable (Watermark.Outcome) -> Void = { name in
            { outcome in log.withLock { $0.append("\(name) \(outcome)") } }
        }
        watermark.wait(until: 5, milliseconds: 60_000, note("there"))
        watermark.wait(until: 6, milliseconds: 60_000, note("near"))
        watermark.wait(until: 9, milliseconds: 60_000, note("far"))
        #expect(log.withLock { $0 } == ["there reached"])
        watermark.advance(to: 8)
        #expect(log.withLock { $0 } == ["there reached", "near reached"])
        watermark.interrupt(restartingAt: 0)
        #expect(log.withLock { $0 } == ["there reached", "near reached", "far interrupted"])
        watermark.advance(to: 9)
        #expect(log.withLock { $0.count } == 3)
    }

    @Test func aWaitEndsWhenItsTimeHasRunOut() {
        let timers = Timers()
        defer { timers.stop() }
        let watermark = Watermark(position: 0, timers: timers)
        let outcome = Locked<Watermark.Outcome?>(nil)
        watermark.wait(until: 1, milliseconds: 1) { result in
            outcome.withLock { $0 = result }
            outcome.wakeAll()
        }
        let result = outcome.whenReady({ $0 != nil }) { $0 }
        #expect(result == .timedOut)
    }

    @Test func whoeverComesToWaitAfterTheEndIsResumedAtOnce() {
        let timers = Timers()
        defer { timers.stop() }
        let watermark = Watermark(position: 0, timers: timers)
        let log = Locked<[Watermark.Outcome]>([])
        watermark.wait(until: 1, milliseconds: 60_000) { outcome in
            log.withLock { $0.append(outcome) }
        }
        watermark.end()
        #expect(log.withLock { $0 } == [.interrupted])
        watermark.wait(until: 1, milliseconds: 60_000) { outcome in
            log.withLock { $0.append(outcome) }
        }
        #expect(log.withLock { $0 } == [.interrupted, .interrupted])
    }

    @Test func whoeverWaitsForWhatHasChangedMeanwhileIsResumedAtOnce() {
        let timers = Timers()
        defer { timers.stop() }
        let watermark = Watermark(position: 5, timers: timers)
        let log = Locked<[Watermark.Outcome]>([])
        for isCurrent in [true, false] {
            watermark.wait(until: 6, milliseconds: 60_000, while: { isCurrent }) { outcome in
                log.withLock { $0.append(outcome) }
            }
        }
        #expect(log.withLock { $0 } == [.interrupted])
        watermark.advance(to: 6)
        #expect(log.withLock { $0 } == [.interrupted, .reached])
    }
}

@Suite struct TimersTests {
    @Test func actionsComeInTheOrderOfTheirDeadlines() {
        let timers = Timers()
        defer { timers.stop() }
        let order = Locked<[Int]>([])
        for (name, delay) in [(3, 30), (1, 1), (2, 15)] {
            timers.schedule(afterMilliseconds: delay) {
                order.withLock { $0.append(name) }
                order.wakeAll()
            }
        }
        let seen = order.whenReady({ $0.count == 3 }) { $0 }
        #expect(seen == [1, 2, 3])
    }

    @Test func aCancelledActionDoesNotCome() {
        let timers = Timers()
        let seen = Locked<[String]>([])
        // Long enough that a busy machine cancels it in time.
        let token = timers.schedule(afterMilliseconds: 500) {
            seen.withLock { $0.append("cancelled") }
        }
        timers.cancel(token)
        timers.schedule(afterMilliseconds: 510) {
            seen.withLock { $0.append("last") }
            seen.wakeAll()
        }
        let all = seen.whenReady({ $0.contains("last") }) { $0 }
        #expect(all == ["last"])
        timers.stop()
    }
}

@Suite struct WallClockTests {
    @Test func momentsAreWrittenAsRFC3339HasThem() {
        #expect(WallClock.text(ofSeconds: 0) == "1970-01-01T00:00:00Z")
        #expect(WallClock.text(ofSeconds: 951_782_399) == "2000-02-28T23:59:59Z")
        #expect(WallClock.text(ofSeconds: 951_782_400) == "2000-02-29T00:00:00Z")
        #expect(WallClock.text(ofMilliseconds: 1_700_000_000_007) == "2023-11-14T22:13:20.007Z")
    }

    @Test func momentsBefore1970AndAfter9999AreWrittenAsTheirEnds() {
        #expect(WallClock.text(ofMilliseconds: -1) == "1970-01-01T00:00:00.000Z")
        #expect(WallClock.text(ofMilliseconds: .max) == "9999-12-31T23:59:59.999Z")
        #expect(WallClock.text(ofSeconds: .max) == "9999-12-31T23:59:59Z")
    }
}
