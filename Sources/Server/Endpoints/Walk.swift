import API
import Store

// Reading a pool: by chunk, and by range.

/// What a walk shall give.
struct WalkPlan: Sendable {
    let chunkSize: Int
    let range: Range<Int>
    let limit: Int?
    let generation: Int
    /// The length of the pool when the walk began.
    let tell: Int

    /// The chunks, each as the range of its bytes.
    ///
    /// One of everything if no size is given, also when that is nothing.
    func chunk(_ index: Int) -> Range<Int>? {
        if let limit, index >= limit { return nil }
        guard chunkSize > 0 else { return index == 0 ? range : nil }
        let start = range.lowerBound + index * chunkSize
        return start < range.upperBound ? start..<min(start + chunkSize, range.upperBound) : nil
    }

    /// Where the walk ends, early if there is a limit.
    var end: Int {
        guard let limit, chunkSize > 0, limit < (range.count + chunkSize - 1) / chunkSize else {
            return range.upperBound
        }
        return range.lowerBound + limit * chunkSize
    }
}

extension Service {
    func walkPool(_ call: Call) throws(Problem) -> Answer {
        let type = try call.negotiate([.octetStream, .json, .ndjson, .frames])
        let chunkSize = try call.integer("chunk_size") ?? 0
        let limit = try call.integer("limit", in: 1...Int.max)
        let from = try call.integer("from")
        let token = try call.text("cont").map(PoolToken.init(text:))
        guard token == nil || from == nil else {
            throw Problem(.badParameter, "cont and from say the same; send one", option: "from")
        }
        let wait = try call.integer("wait_ms", in: 0...settings.waitLimit) ?? 0
        return try onPool(call) { service, pool throws(Problem) in
            try token?.check(against: pool)
            let start = token?.position ?? from ?? 0
            let view = pool.view
            guard wait > 0, start == view.tell else {
                return try service.walk(
                    pool, view, call, from: start, chunkSize: chunkSize, limit: limit, type)
            }
            return .later { complete in
                pool.watermark.wait(
                    until: start + 1, milliseconds: wait,
                    while: { pool.view.generation == view.generation }
                ) { _ in
                    do throws(Problem) {
                        guard pool.view.generation == view.generation else {
                            throw Problem(StoreError.positionGone(oldest: 0))
                        }
                        complete(
                            .success(
                                try service.walk(
                                    pool, pool.view, call, from: start, chunkSize: chunkSize,
                                    limit: limit, type)))
                    } catch {
                        complete(.failure(error))
                    }
                }
                // A drain has ended the waits that were there when it started.
                if service.isDraining { pool.endWaits() }
            }
        }
    }

    private func walk(
        _ pool: PmemLog, _ view: PmemLog.View, _ call: Call, from start: Int, chunkSize: Int,
        limit: Int?, _ type: MediaType
    ) throws(Problem) -> Answer {
        if view.state == .closed { throw Problem(StoreError.poolClosed(name: pool.name)) }
        try mapping { () throws(StoreError) in try pool.requireWhole() }
        guard start <= view.tell else { throw .behindTheEnd(view.tell) }
        let range = start..<view.tell
        let plan = WalkPlan(
            chunkSize: min(chunkSize, max(range.count, 1)), range: range, limit: limit,
            generation: view.generation, tell: view.tell)
        switch type {
        case .json: return onFileThread { () throws(Problem) in try self.page(pool, plan) }
        case .ndjson: return stream(pool, plan, NDJSONChunks(), type, call)
        case .frames:
            let largest = plan.chunkSize > 0 ? plan.chunkSize : range.count
            guard largest < Int(FrameChunks.endMark) else {
                throw Problem(
                    .badParameter, "a frame has less than 4294967295 bytes; give a chunk_size",
                    option: "chunk_size")
            }
            return stream(pool, plan, FrameChunks(), type, call)
        default:
            return bytes(pool, view, start..<plan.end, status: 200)
        }
    }

    private func stream(
        _ pool: PmemLog, _ plan: WalkPlan, _ encoder: some ChunkEncoder, _ type: MediaType,
        _ call: Call
    ) -> Answer {
        let head = Response(headers: Self.headers(pool, plan.generation, plan.tell), type: type)
        return .stream(
            head, WalkStream(pool, plan, encoder, requestID: call.requestID), length: nil)
    }

    /// A page of at most 1000 chunks and 1 MiB.
    private func page(_ pool: PmemLog, _ plan: WalkPlan) throws(Problem) -> Answer {
        let pageBytes = 1 << 20
        var writer = JSONWriter()
        writer.literal("{\"chunks\":[")
        var end = plan.range.lowerBound
        var index = 0
        while index < 1000, var chunk = plan.chunk(index) {
            let room = plan.range.lowerBound + pageBytes - chunk.lowerBound
            if chunk.count > room {
                // The first chunk of a page is cut rather than left out.
                guard index == 0 else { break }
                chunk = chunk.lowerBound..<chunk.lowerBound + room
            }
            if index > 0 { writer.literal(",") }
            try append(chunk, of: pool, plan.generation, to: &writer)
            end = chunk.upperBound
            index += 1
        }
        writer.literal("],\"next\":")
        if end < plan.tell {
            writer.string(
                PoolToken(identity: pool.identity, generation: plan.generation, position: end).text)
        } else {
            writer.literal("null")
        }
        writer.literal(",\"position\":")
        writer.integer(end)
        writer.literal("}\n")
        return .now(
            Response(
                headers: Self.headers(pool, plan.generation, plan.tell), type: .json,
                body: writer.bytes))
    }

    private func append(
        _ chunk: Range<Int>, of pool: PmemLog, _ generation: Int, to writer: inout JSONWriter
    ) throws(Problem) {
        var bytes = [UInt8](repeating: 0, count: chunk.count)
        var failure: StoreError?
        bytes.withUnsafeMutableBytes { buffer in
            do throws(StoreError) {
                try pool.read(at: chunk.lowerBound, generation: generation, into: buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw Problem(failure) }
        writer.literal("{\"offset\":")
        writer.integer(chunk.lowerBound)
        writer.literal(",\"length\":")
        writer.integer(chunk.count)
        writer.literal(",\"b64\":\"")
        bytes.withUnsafeBytes { Base64.encode($0, to: &writer.bytes) }
        writer.literal("\"}")
    }

    // MARK: - By range

    func readPoolData(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.octetStream])
        return try onPool(call) { service, pool throws(Problem) in
            let view = pool.view
            let tag = EntityTag(
                identity: pool.identity, generation: view.generation, position: view.tell)
            if let header = call.headers.joined(.ifNoneMatch),
                EntityTagCondition(header).includes(tag)
            {
                return .now(
                    Response(status: 304, headers: Self.headers(pool, view.generation, view.tell)))
            }
            try mapping { () throws(StoreError) in try pool.requireWhole() }
            guard let wanted = call.range(ifStillAt: tag.text) else {
                return service.bytes(pool, view, 0..<view.tell, status: 200)
            }
            guard let range = wanted.resolved(in: view.tell) else { throw .behindTheEnd(view.tell) }
            return service.bytes(pool, view, range, status: 206)
        }
    }

    private func bytes(
        _ pool: PmemLog, _ view: PmemLog.View, _ range: Range<Int>, status: Int
    ) -> Answer {
        var head = Response(
            status: status, headers: Self.headers(pool, view.generation, view.tell),
            type: .octetStream)
        head.headers.append(.init("Accept-Ranges", "bytes"))
        head.headers.append(.init("X-Content-Type-Options", "nosniff"))
        if status == 206 {
            let bytes = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(view.tell)"
            head.headers.append(.init("Content-Range", bytes))
        }
        if range.count <= Self.shortRead, let bytes = cached(pool, view.generation, range) {
            head.body = bytes
            return .now(head)
        }
        return .stream(
            head, PoolByteStream(pool, generation: view.generation, range: range),
            length: range.count)
    }

    /// What is at most so long is answered in one piece if the page cache has it.
    private static let shortRead = 64 * 1024

    private func cached(_ pool: PmemLog, _ generation: Int, _ range: Range<Int>) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: range.count)
        let isThere = bytes.withUnsafeMutableBytes { buffer in
            (try? pool.readCached(at: range.lowerBound, generation: generation, into: buffer))
                == true
        }
        return isThere ? bytes : nil
    }

    private static func headers(
        _ pool: PmemLog, _ generation: Int, _ tell: Int
    ) -> [Response.Header] {
        let tag = EntityTag(identity: pool.identity, generation: generation, position: tell)
        return [.init("ETag", tag.text), .init("Log-Position", String(tell))]
    }
}

extension Problem {
    /// A position behind the last byte that exists.
    static func behindTheEnd(_ tell: Int) -> Problem {
        var problem = Problem(
            .rangeNotSatisfiable, "the pool is \(tell) bytes long",
            members: [.init(name: "position", value: .integer(tell))])
        problem.headers = [.init("Content-Range", "bytes */\(tell)")]
        return problem
    }
}

extension Call {
    /// The range that the client wants of what has this entity tag; nil for everything.
    ///
    /// It counts only for what `If-Range` names, if that is there: a tag, and no weak one.
    func range(ifStillAt tag: String) -> ByteRange? {
        guard headers[.ifRange] ?? tag == tag else { return nil }
        return headers[.range].flatMap { ByteRange($0) }
    }
}
