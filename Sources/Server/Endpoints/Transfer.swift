import API
import Store

// Pools as files: out of the service and into it.

extension Service {
    func exportPool(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.octetStream])
        return try onPool(call) { _, pool throws(Problem) in
            try mapping { () throws(StoreError) in try pool.requireWhole() }
            let status = PoolStatus(pool)
            var head = Response(headers: status.headers)
            head.setContentType(.octetStream)
            head.headers.append(
                ("Content-Disposition", "attachment; filename=\"\(pool.name).pool\""))
            return .stream(
                head,
                ExportStream(
                    pages: pool.exportedPages(tell: status.tell),
                    data: PoolByteStream(
                        pool, generation: status.generation, range: 0..<status.tell),
                    size: pool.poolSize), length: pool.poolSize)
        }
    }

    func importPool(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        guard let upload = call.upload else {
            throw Problem(.notAPool, "nothing was sent; send the file of a pool")
        }
        let rest = call.request.body
        return .later { [self] complete in
            upload.write(rest) {
                do throws(Problem) {
                    let file = try upload.finish()
                    let pool = try mapping { () throws(StoreError) in
                        try self.store.pools.finishImport(file, as: call.name)
                    }
                    let status = PoolStatus(pool)
                    complete(
                        .success(
                            .now(Response(status: 201, headers: status.headers, json: status.json)))
                    )
                } catch {
                    complete(.failure(error))
                }
            }
        }
    }
}

/// The file of a pool: two pages, the data, and zeros up to its size.
private final class ExportStream: ByteStream, @unchecked Sendable {
    // Sendable because only the one network thread of its connection reads it.
    private let pages: [UInt8]
    private let data: PoolByteStream
    private let size: Int
    private var offset = 0
    private var dataHasEnded = false

    init(pages: [UInt8], data: PoolByteStream, size: Int) {
        self.pages = pages
        self.data = data
        self.size = size
    }

    func fetch() { data.fetch() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(size - offset))
        let step = part.isEmpty ? .end : try fill(part)
        if case .bytes(let count) = step { offset += count }
        return step
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        if offset < pages.count {
            let count = min(buffer.count, pages.count - offset)
            buffer.copyBytes(from: pages[offset..<offset + count])
            return .bytes(count)
        }
        if !dataHasEnded {
            switch try data.read(into: buffer) {
            case .end: dataHasEnded = true
            case let step: return step
            }
        }
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        return .bytes(buffer.count)
    }
}
