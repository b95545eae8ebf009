import API
import Store

// Following: records as events, as they come.

extension Service {
    func followPool(_ call: Call) throws(Problem) -> Answer {
        let start = try FollowStart(call)
        let chunkSize = try call.integer("chunk_size") ?? 0
        let records = RecordWriter(shape: try shape(call), format: .external)
        return try onPool(call) { service, pool throws(Problem) in
            try service.follow(
                call,
                PoolFollower(pool, from: start, chunkSize: chunkSize, records))
        }
    }

    func followLog(_ call: Call) throws(Problem) -> Answer {
        let start = try FollowStart(call)
        let shape = try shape(call)
        return try onLog(call) { service, log throws(Problem) in
            try service.follow(
                call,
                LogFollower(
                    log, from: start, RecordWriter(shape: shape, format: log.format)))
        }
    }

    func followJournal(_ call: Call) throws(Problem) -> Answer {
        let start = try FollowStart(call)
        let rows = try rowWriter(call)
        return try onJournal(call) { service, journal in
            service.onFileThread { () throws(Problem) in
                try service.follow(call, JournalFollower(journal, from: start, rows))
            }
        }
    }

    private func follow(_ call: Call, _ source: some FollowSource) throws(Problem) -> Answer {
        _ = try call.negotiate([.eventStream])
        let follower = try followers.join(source.path)
        return .stream(
            .events, FollowStream(self, source, follower, requestID: call.requestID), length: nil)
    }
}
