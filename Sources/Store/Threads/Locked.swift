import Glibc

/// A value that only one thread at a time can reach: a pthread mutex around it.
///
/// The toolchain's own mutex makes the thread sanitizer report false races, pthread's does not.
package final class Locked<Value: ~Copyable>: @unchecked Sendable {
    // Sendable because what `value` points to is reached only while `mutex` is held. It is a pointer
    // so that the compiler, which cannot know that, does not guard each access once more.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private let value: UnsafeMutablePointer<Value>

    package init(_ value: consuming sending Value) {
        self.value = .allocate(capacity: 1)
        self.value.initialize(to: value)
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
        value.deinitialize(count: 1)
        value.deallocate()
    }

    /// Runs `body` with the value, alone.
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value.pointee)
    }

    /// Runs `body` alone as soon as `ready` holds; sleeps, with the lock released, until `wakeAll`
    /// or `wakeOne` makes it look again.
    package func whenReady<Result>(
        _ ready: (inout Value) -> Bool, _ body: (inout Value) -> sending Result
    ) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !ready(&value.pointee) { pthread_cond_wait(condition, mutex) }
        return body(&value.pointee)
    }

    /// As `whenReady`, but runs `body` at `deadline` (of the monotonic clock) at the latest.
    package func whenReady<Result>(
        before deadline: Instant, _ ready: (inout Value) -> Bool,
        _ body: (inout Value) -> sending Result
    ) -> sending Result {
        var limit = deadline.timespec
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while !ready(&value.pointee) {
            if pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT { break }
        }
        return body(&value.pointee)
    }

    /// Makes one thread that waits in `whenReady` look again.
    package func wakeOne() { pthread_cond_signal(condition) }

    /// Makes all threads that wait in `whenReady` look again.
    package func wakeAll() { pthread_cond_broadcast(condition) }
}
