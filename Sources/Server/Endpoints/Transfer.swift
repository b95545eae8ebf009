import API
import Store

// Pools as files: out of the service and into it.

extension Service {
    func exportPool(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.octetStream])
        return try onPool(call) { _, pool throws(Problem) in
            try mapping { () throws(StoreError) in try pool.requireWhole() }
            let status = PoolStatus(pool)
            var head = Response(headers: status.headers, type: .octetStream)
            head.headers.append(
                .init("Content-Disposition", "attachment; filename=\"\(pool.name).pool\""))
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
        let rest = call.body
        return .later { [self] complete in
            upload.write(rest) {
                do throws(Problem) {
                    let file = try upload.finish()
                    let pool = try mapping { () throws(StoreError) in
                        try self.store.pools.finishImport(file, as: call.name)
                    }
                    let status = PoolStatus(pool)
                    complete(.success(.now(status.response(status: 201, lastCheck: nil))))
                } catch {
                    complete(.failure(error))
                }
            }
        }
    }
}
