import API
import Store

// Pages without pins.

extension Service {
    /// The pool and the handle that the path names.
    private func pageFile(_ call: Call) throws(Problem) -> (pool: OpenMPool, file: PageFile) {
        try mapping(of: .mpool) { () throws(StoreError) in
            let pool = try store.mpools.find(call.name)
            return (pool, try pool.file(call.fileName))
        }
    }

    /// A page that is cached is answered by the network thread itself.
    func getMPoolPage(_ call: Call) throws(Problem) -> Answer {
        let pgno = try call.pgno()
        let discard = try call.bool("discard") ?? false
        _ = try call.negotiate([.octetStream])
        let (_, file) = try pageFile(call)
        if call.route.method == .head {
            return onFileThread { () throws(Problem) in
                let exists = try mapping(of: .mpool) { () throws(StoreError) in
                    try file.exists(pgno)
                }
                guard exists else {
                    throw Problem(
                        StoreError.mpool(.noSuchPage(file: call.fileName, pgno: pgno)), of: .mpool)
                }
                let zeros = [UInt8](repeating: 0, count: file.pageSize)
                return .now(
                    Response(
                        headers: [.init("Mpool-Pgno", String(pgno))], type: .octetStream,
                        body: zeros))
            }
        }
        if !discard, let bytes = file.cachedCopy(pgno) {
            return .now(try Self.page(call, file, pgno, bytes))
        }
        return onFileThread { () throws(Problem) in
            let (pgno, bytes) = try mapping(of: .mpool) { () throws(StoreError) in
                try file.copy(.existing(pgno), discard: discard)
            }
            return .now(try Self.page(call, file, pgno, bytes))
        }
    }

    func lastMPoolPage(_ call: Call) throws(Problem) -> Answer {
        let discard = try call.bool("discard") ?? false
        _ = try call.negotiate([.octetStream])
        let (_, file) = try pageFile(call)
        return onFileThread { () throws(Problem) in
            let (pgno, bytes) = try mapping(of: .mpool) { () throws(StoreError) in
                try file.copy(.last, discard: discard)
            }
            return .now(Self.whole(file, pgno, bytes))
        }
    }

    private static func whole(_ file: PageFile, _ pgno: UInt32, _ bytes: [UInt8]) -> Response {
        let etag = bytes.withUnsafeBytes { file.tag(of: $0) }
        return Response(
            headers: [.init("ETag", etag), .init("Mpool-Pgno", String(pgno))],
            type: .octetStream, body: bytes)
    }

    /// As much of a page as the client wants.
    private static func page(
        _ call: Call, _ file: PageFile, _ pgno: UInt32, _ bytes: [UInt8]
    ) throws(Problem) -> Response {
        var response = whole(file, pgno, bytes)
        let etag = response.headers[0]
        if let tags = call.headers.joined(.ifNoneMatch),
            tags.trimmingSpaces() == "*" || PageCondition.list(tags).contains(etag.value)
        {
            return Response(status: 304, headers: [etag])
        }
        guard let range = call.range(ifStillAt: etag.value) else { return response }
        guard let part = range.resolved(in: bytes.count) else {
            var problem = Problem(
                .rangeNotSatisfiable, "the page has \(bytes.count) bytes",
                members: [.init(name: "position", value: .integer(bytes.count))])
            problem.headers = [.init("Content-Range", "bytes */\(bytes.count)")]
            throw problem
        }
        response.status = 206
        response.headers = [
            etag,
            .init(
                "Content-Range",
                "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(bytes.count)"),
        ]
        response.body = Array(bytes[part])
        return response
    }

    func putMPoolPage(_ call: Call) throws(Problem) -> Answer {
        let mustBeNew = call.mustBeNew
        return try change(call, .whole(call.body), create: true, mustBeNew: mustBeNew)
    }

    func patchMPoolPage(_ call: Call) throws(Problem) -> Answer {
        let create = try call.bool("create") ?? false
        let at = try call.integer("at", in: 0...(1 << 30))
        let type = call.headers[.contentType].flatMap { MediaType(contentType: $0) }
        guard type == .json else {
            return try change(call, .patches([(at ?? 0, call.body)]), create: create)
        }
        guard at == nil else {
            throw Problem(.badParameter, "patches say where they go themselves", option: "at")
        }
        var object = try JSONObject(try JSONDocument(call.body, depth: 64).root)
        guard let change = try PageChange(&object), case .patches = change else {
            throw Problem(.badParameter, "patches is needed", option: "patches")
        }
        try object.finish()
        return try self.change(call, change, create: create)
    }

    private func change(
        _ call: Call, _ change: PageChange, create: Bool, mustBeNew: Bool = false
    ) throws(Problem) -> Answer {
        let pgno = try call.pgno()
        let discard = try call.bool("discard") ?? false
        let condition = try PageCondition(call.headers)
        // With If-Match: * a page has to exist.
        let mayCreate = create && call.headers[.ifMatch] == nil
        let (pool, file) = try pageFile(call)
        return onFileThread { [self] () throws(Problem) in
            try requireFreeSpace(0)
            let (isNew, etag) = try mapping(of: .mpool) { () throws(StoreError) in
                try pool.change(
                    file, pgno, change, create: mayCreate, mustBeNew: mustBeNew,
                    discard: discard, condition)
            }
            var headers: [Response.Header] = [.init("ETag", etag)]
            if isNew { headers.append(.init("Location", Self.location(call, pgno))) }
            return .now(Response(status: isNew ? 201 : 204, headers: headers))
        }
    }

    func newMPoolPage(_ call: Call) throws(Problem) -> Answer {
        let discard = try call.bool("discard") ?? false
        _ = try call.negotiate([.json])
        let (pool, file) = try pageFile(call)
        return onFileThread { [self] () throws(Problem) in
            try requireFreeSpace(0)
            let (pgno, etag) = try mapping(of: .mpool) { () throws(StoreError) in
                try pool.append(file, call.body.isEmpty ? nil : call.body, discard: discard)
            }
            return .now(
                Response(
                    status: 201,
                    headers: [
                        .init("ETag", etag), .init("Location", Self.location(call, pgno)),
                        .init("Mpool-Pgno", String(pgno)),
                    ], json: ["pgno": .integer(Int(pgno))]))
        }
    }

    private static func location(_ call: Call, _ pgno: UInt32) -> String {
        "/v1/mpools/\(call.name)/files/\(call.fileName)/pages/\(pgno)"
    }
}
