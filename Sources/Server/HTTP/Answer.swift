import API

/// What a handler gives back.
enum Answer: Sendable {
    /// The whole answer.
    case now(Response)
    /// A head, and a body that is read while it is sent.
    case stream(Response, any ByteStream, length: Int?)
    /// The connection is parked; the closure is then called and calls back once, on any thread.
    case later(@Sendable (@escaping Completion) -> Void)
    /// The closure is called by the connection's own thread: who waits to write the next batch need
    /// not put together the answers of the last.
    case made(@Sendable () -> Result<Answer, Problem>)

    typealias Completion = @Sendable (Result<Answer, Problem>) -> Void
}

/// A body that is produced while it is sent, so that its size needs no memory.
///
/// Called by one network thread at a time.
protocol ByteStream: AnyObject, Sendable {
    /// Fills some of `buffer`, without waiting for anything.
    ///
    /// - Throws: when the rest cannot be had and the form of the body has no way to say so: the
    ///   connection is cut.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep

    /// Fetches from disk what `read` needs next; called on a thread that may wait.
    func fetch()

    /// Calls `resume` once, when `read` may have something to give; called after `mustWait`.
    func wait(_ resume: @escaping @Sendable () -> Void)
}

extension ByteStream {
    func wait(_ resume: @escaping @Sendable () -> Void) { resume() }
}

/// What a stream has to give.
enum StreamStep {
    /// So many bytes, at least one.
    case bytes(Int)
    /// Nothing before `fetch` has been called.
    case mustFetch
    /// Nothing before something happens, which may take long.
    case mustWait
    case end
}

/// The stream cannot go on.
struct StreamCut: Error {}
