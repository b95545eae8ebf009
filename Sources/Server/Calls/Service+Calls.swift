import API
import Store
import Synchronization

// Calls that clients have named: done once, and answered again.

extension Service {
    /// Answers a request whose body is there.
    ///
    /// Waits for nothing.
    func answer(_ call: Call) throws(Problem) -> Answer {
        let repetition = call.route.endpoint.description.repetition
        switch repetition {
        case .byEngine, .untold: return try handle(call)
        case .inMemory, .onDisk, .onDiskOnce:
            guard call.headers[.idempotencyKey] != nil else { return try handle(call) }
        }
        var resource = call.route.endpoint.description.tag
        if call.route.resourceKind != nil {
            try ResourceName.check(call.name)
            resource += "/" + call.name
        }
        guard let key = try IdempotencyKey(call, on: resource) else { return try handle(call) }
        let keyed = KeyedCall(
            service: self, call: call, key: key, resource: resource, repetition: repetition)
        return .later { complete in
            repetition == .inMemory
                ? keyed.begin(complete) : self.store.files.submit { keyed.begin(complete) }
        }
    }

    /// Follows an answer until it is there, or a stream.
    static func run(
        _ result: Result<Answer, Problem>, _ done: @escaping Answer.Completion
    ) {
        switch result {
        case .success(.later(let start)): start { run($0, done) }
        case .success(.made(let make)): run(make(), done)
        case .success(.now), .success(.stream), .failure: done(result)
        }
    }

    /// What a resource is like before a call that must not be done twice, and never again once it was
    /// done; empty where nothing shows that.
    fileprivate func state(before call: Call) -> [UInt8] {
        let text: String?
        switch call.route.endpoint.operation {
        case .pool(.rewind):
            text = (try? store.pools.find(call.name)).map { "\($0.identity).\($0.view.generation)" }
        case .log(.truncate), .log(.reopen):
            text = (try? store.logs.find(call.name)).map { "\($0.identity).\($0.view.generation)" }
        case .log(.incWrapFile), .log(.nextFile):
            text = (try? store.logs.find(call.name)).map { log in
                let view = log.view
                return "\(log.tag(view).text) \(view.figures.currentFile)"
            }
        case .journal(.checkpoint):
            text = (try? store.journals.find(call.name)).map { $0.tag($0.view).text }
        default: text = nil
        }
        return Array((text ?? "").utf8)
    }
}

/// One call under its name, from its beginning to its answer.
private struct KeyedCall: Sendable {
    let service: Service
    let call: Call
    let key: IdempotencyKey
    let resource: String
    let repetition: Repetition

    private var isOnDisk: Bool { repetition != .inMemory }

    /// Waits for the disk if the call is remembered there.
    func begin(_ complete: @escaping Answer.Completion) {
        let finding: KeyedCalls.Finding
        do throws(StoreError) {
            finding = try service.calls.begin(key, on: resource, isOnDisk: isOnDisk) {
                service.store.files.submit { begin(complete) }
            }
        } catch {
            return complete(.failure(Problem(error)))
        }
        switch finding {
        case .running: break
        case .new: start(complete)
        case .undecided(let before): decide(before, complete)
        case .other: complete(.failure(Problem(.keyReused)))
        case .done(let answer):
            service.calls.replays.add(1, ordering: .relaxed)
            complete(answer.answer)
        }
    }

    private func start(_ complete: @escaping Answer.Completion) {
        guard isOnDisk else { return run(before: [], complete) }
        let before = repetition == .onDiskOnce ? service.state(before: call) : []
        do throws(StoreError) {
            try service.calls.intend(key, on: resource, before: before)
        } catch {
            service.calls.drop(key, on: resource, isOnDisk: true)
            return complete(.failure(Problem(error)))
        }
        run(before: before, complete)
    }

    /// One that was cut short: done again where that does no harm, or where it was not done.
    private func decide(_ before: [UInt8], _ complete: @escaping Answer.Completion) {
        guard repetition == .onDiskOnce, before.isEmpty || service.state(before: call) != before
        else { return run(before: before, complete) }
        service.calls.leaveOpen(key, before: before)
        complete(
            .failure(
                Problem(
                    .idempotencyInProgress,
                    "the first request with this key was cut short, and nothing tells whether it was "
                        + "done: look at the \(call.route.endpoint.description.tag), and use another "
                        + "key", applied: .unknown)))
    }

    private func run(before: [UInt8], _ complete: @escaping Answer.Completion) {
        let result: Result<Answer, Problem>
        do throws(Problem) {
            result = .success(try service.handle(call))
        } catch {
            result = .failure(error)
        }
        Service.run(result) { result in
            guard isOnDisk else { return end(result, before, complete) }
            service.store.files.submit { end(result, before, complete) }
        }
    }

    private func end(
        _ result: Result<Answer, Problem>, _ before: [UInt8], _ complete: Answer.Completion
    ) {
        switch result {
        case .success(.now(let response)):
            let answer = RememberedAnswer(response, of: call.route.endpoint.operation)
            service.calls.finish(key, on: resource, answer, isOnDisk: isOnDisk)
        case .failure(let problem) where problem.applied != .no:
            if isOnDisk {
                service.calls.leaveOpen(key, before: before)
            } else {
                // Nothing shows afterwards whether it was done: so it is not done again.
                service.calls.finish(key, on: resource, .problem(problem), isOnDisk: false)
            }
        case .success, .failure:
            service.calls.drop(key, on: resource, isOnDisk: isOnDisk)
        }
        complete(result)
    }
}
