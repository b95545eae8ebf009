// Which logs there are, open or not.

extension Logs {
    /// A log that is not open, as far as it is known.
    package struct Closed: Sendable {
        package let name: String
        package let base: String
        package let type: LogType
        package let format: LogFormat
        package let size: LogSize?
        /// Why the last opening failed, if it did.
        package let failure: StoreError?
        /// Whether the service holds the log: then it is opened by whatever is asked of it.
        package let isHeld: Bool
    }

    /// Whether there is anything of the log: a note, or files at its default place.
    func exists(_ name: String, _ memory: LogMemory) -> Bool {
        if memory.isKnown { return !memory.isDeleting }
        let base = Self.defaultBase(name)
        return LogOpener.exists(base, .halt, in: directory)
            || LogOpener.exists(base, .wrap, in: directory)
    }

    /// What is known of a log that is not open; waits.
    package func closed(_ name: String) throws(StoreError) -> Closed {
        let memory = try LogMemory(of: name, in: directory)
        guard exists(name, memory) else {
            throw .log(.noSuchLog(name: name, isKnown: false))
        }
        let base = memory.file ?? Self.defaultBase(name)
        let isRing = LogOpener.exists(base, .wrap, in: directory)
        let ringSize = try RingSizeFile.read(base, in: directory)?.size
        return Closed(
            name: name, base: base, type: memory.type ?? (isRing ? .wrap : .halt),
            format: memory.format ?? .internal, size: ringSize ?? memory.options.size,
            failure: failure(of: name), isHeld: memory.isHeld)
    }

    /// Names of all logs after `last`, in order, at most `limit`; waits.
    package func names(
        prefix: String, after last: String?, limit: Int
    ) throws(StoreError) -> (names: [String], isComplete: Bool) {
        var all = Set(allLoaded.map(\.name))
        all.formUnion(try directory.names(in: ".tidemark/logs").filter(ResourceName.isValid))
        for file in try directory.names(in: "logs") {
            guard let end = file.range(of: ".LOG", anchoredAtEndOf: ["", ".idx", ".siz"]) else {
                continue
            }
            let name = String(file[..<end])
            if ResourceName.isValid(name) { all.insert(name) }
        }
        let wanted = all.filter { $0.hasPrefix(prefix) && $0 > last ?? "" }.sorted()
        return (Array(wanted.prefix(limit)), wanted.count <= limit)
    }

    /// Opens the logs that the service holds.
    func openHeld() {
        let names = (try? directory.names(in: ".tidemark/logs")) ?? []
        reopening.start(names, on: services.files) { [self] name in
            do throws(StoreError) {
                let memory = try unopened.noting(name) { () throws(StoreError) in
                    try LogMemory(of: name, in: directory)
                }
                if memory.isHeld { _ = try find(name) }
                // Carries on with a removal, or takes back an import.
                if memory.isDeleting {
                    try turns.with(name) { () throws(StoreError) in _ = try self.memory(of: name) }
                }
            } catch {
                services.report("log \(name) could not be opened: \(error.summary)")
            }
        }
    }

    /// All files that belong to a base name, relative to the data directory.
    func filesOfLog(_ base: String) throws(StoreError) -> [String] {
        let segments = base.split(separator: "/")
        let folder = segments.dropLast().joined(separator: "/")
        guard let last = segments.last.map(String.init) else { return [] }
        return try directory.names(in: folder).filter { file in
            guard file.hasPrefix(last) else { return false }
            let suffix = file.dropFirst(last.utf8.count)
            return Self.isSuffix(suffix)
        }.map { folder.isEmpty ? $0 : folder + "/" + $0 }
    }

    /// What a log's file names end with.
    private static func isSuffix(_ suffix: Substring) -> Bool {
        if ["", ".idx", ".siz", ".TMP", ".1.NEW"].contains(suffix) { return true }
        guard suffix.hasPrefix(".") else { return false }
        var digits = suffix.dropFirst()
        for end in [".gz", ".TMP"] where digits.hasSuffix(end) {
            digits = digits.dropLast(end.count)
        }
        return !digits.isEmpty && digits.allSatisfy { $0.isASCII && $0.isNumber }
    }
}

extension String {
    /// Where `stem` begins, if it is followed by one of `ends` and nothing else.
    fileprivate func range(of stem: String, anchoredAtEndOf ends: [String]) -> String.Index? {
        for end in ends where hasSuffix(stem + end) {
            return index(endIndex, offsetBy: -(stem + end).count)
        }
        return nil
    }
}
