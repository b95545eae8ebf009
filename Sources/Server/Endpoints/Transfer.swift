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
        try importFile(
            call, as: PoolImport.self,
            Problem(.notAPool, "nothing was sent; send the file of a pool")
        ) { [self] file throws(Problem) in
            let pool = try mapping { () throws(StoreError) in
                try store.pools.finishImport(file, as: call.name)
            }
            return .now(PoolStatus(pool).response(status: 201, lastCheck: nil))
        }
    }

    /// Writes what is left of the body and calls `body` with what came, on a thread that may wait.
    ///
    /// - Parameter missing: what is said to a request without a body.
    private func importFile<File: FileImport>(
        _ call: Call, as _: File.Type, _ missing: Problem,
        _ body: @escaping @Sendable (File) throws(Problem) -> Answer
    ) throws(Problem) -> Answer {
        _ = try call.negotiate([.json])
        guard let upload = call.upload, !call.body.isEmpty || upload.hasBegun else { throw missing }
        let rest = call.body
        return .later { [self] complete in
            upload.write(rest) {
                do throws(Problem) {
                    let place = try self.quota(for: call)
                    defer { place?.release() }
                    let answer = try body(try upload.finish(as: File.self))
                    self.noteForOthers(upload.bytes, call)
                    complete(.success(answer))
                } catch {
                    complete(.failure(error))
                }
            }
        }
    }
}

// Logs and journals as archives of their files.

extension Service {
    private static let noArchive = Problem(.notALogFile, "nothing was sent; send a tar archive")

    private func answer(
        _ archive: ExportArchive, _ headers: [Response.Header], _ name: String
    ) -> Answer {
        var head = Response(headers: headers, type: .tar)
        head.headers.append(
            .init("Content-Disposition", "attachment; filename=\"\(name).tar\""))
        return .stream(head, ArchiveStream(archive, store.files), length: archive.length)
    }

    func exportLog(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.tar])
        return try whenReadable(call) { [self] log, complete in
            log.export { [self] result in
                complete(
                    result.map { answer($0.archive, log.headers($0.view), log.name) }
                        .mapError { Problem($0, of: .diskLog) })
            }
        }
    }

    func importLog(_ call: Call) throws(Problem) -> Answer {
        let options = try LogImportOptions(call)
        _ = try shape(call)
        return try importFile(call, as: TarImport.self, Self.noArchive) {
            [self] archive throws(Problem) in
            let imported = try mapping(of: .diskLog) { () throws(StoreError) in
                try store.logs.finishImport(archive, as: call.name, options)
            }
            return try item(
                imported.log, call, code: 201, open: .object(imported.opened.members))
        }
    }

    func exportJournal(_ call: Call) throws(Problem) -> Answer {
        _ = try call.negotiate([.tar])
        return onFileThread { [self] () throws(Problem) in
            let journal = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try store.journals.find(call.name)
            }
            return .later { complete in
                journal.export { [self] result in
                    complete(
                        result.map { answer($0.archive, journal.headers($0.view), journal.name) }
                            .mapError { Problem($0, of: .wiredTiger) })
                }
            }
        }
    }

    func importJournal(_ call: Call) throws(Problem) -> Answer {
        var options = JournalOptions()
        options.fileMax = try call.integer("file_max", in: JournalOptions.fileMaxRange)
        options.compressor = try call.choice("compressor")
        let repairs = try call.bool("repair") ?? false
        return try importFile(call, as: TarImport.self, Self.noArchive) {
            [self, options] archive throws(Problem) in
            let journal = try mapping(of: .wiredTiger) { () throws(StoreError) in
                try store.journals.finishImport(
                    archive, as: call.name, options, repairs: repairs)
            }
            return try item(journal, call, code: 201, open: journal.opened.json)
        }
    }
}

extension LogImportOptions {
    fileprivate init(_ call: Call) throws(Problem) {
        self.init()
        type = try call.choice("type")
        format = try call.choice("format")
        maxBytes = try call.integer("max_no_bytes", in: 1...Int.max)
        maxFiles = try call.integer("max_no_files", in: 1...LogSize.fileNumberLimit - 1)
        repairs = try call.bool("repair") ?? false
    }
}
