import API
import Store

// The bodies of requests to buffer pools.

extension MPoolSettings {
    /// An empty body leaves everything to the defaults.
    init(_ body: [UInt8]) throws(Problem) {
        self.init()
        guard !body.isEmpty else { return }
        var object = try JSONObject(try JSONDocument(body, depth: 64).root)
        cacheSize = try object.integer("cachesize")
        mmapSize = try object.positive("mmapsize")
        mode = try object.permissions("mode")
        isPrivate = try object.bool("private")
        create = try object.bool("create")
        noMmap = try object.bool("nommap")
        logging = try object.bool("logging")
        if let node = object.take("journal"), !node.isNull {
            guard let name = node.string, ResourceName.isValid(name) else {
                throw Problem(
                    .badParameter, "journal is the name of a journal, or null", option: "journal")
            }
            journal = name
        }
        maxPinnedPercent = try object.integer("max_pinned_pct")
        policy = try object.choice("policy")
        try object.finish()
    }
}

/// The body of a request to open a file.
struct PageFileRequest {
    var options = PageFileOptions()
    let path: String?
    let isPrivate: Bool

    init(_ body: [UInt8]) throws(Problem) {
        var object = try JSONObject(try JSONDocument(body, depth: 64).root)
        path = try object.string("path")
        isPrivate = try object.bool("private") ?? false
        guard path == nil || !isPrivate else {
            throw Problem(.badParameter, "a private file has no path", option: "path")
        }
        guard let pageSize = try object.integer("pagesize") else {
            throw Problem(.badParameter, "pagesize is needed", option: "pagesize")
        }
        options.pageSize = pageSize
        options.fileType = try object.integer("ftype", in: 0...Int(Int32.max)) ?? 0
        options.create = try object.bool("create") ?? false
        options.noMmap = try object.bool("nommap") ?? false
        options.readOnly = try object.bool("rdonly") ?? false
        options.mode = try object.permissions("mode") ?? 0o640
        options.lsnOffset = try object.integer("lsn_offset") ?? -1
        options.cookie = try object.take("pgcookie").map(JSONObject.bytes)
        options.uid = try object.string("uid").map(Self.uid)
        options.oddSize = try object.bool("oddsize") ?? false
        options.maxPages = UInt32(try object.integer("maxpages", in: 0...Int(UInt32.max)) ?? 0)
        options.priority = try object.choice("priority") ?? .normal
        options.readAhead =
            try object.integer("readahead", in: 0...PageFileOptions.mostAhead) ?? 0
        options.inMemory = try object.bool("inmemory") ?? false
        guard !options.inMemory || !isPrivate && options.uid == nil else {
            throw Problem(
                .badParameter, "a file in memory has a name, and no uid", option: "inmemory")
        }
        options.clearLength = try object.integer("clear_len")
        try object.finish()
    }

    private static func uid(_ text: String) throws(Problem) -> [UInt8] {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == 40, text.utf8.count == 40 else {
            throw Problem(.badParameter, "uid is 40 hexadecimal digits", option: "uid")
        }
        return stride(from: 0, to: 40, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

/// The body of a request to pin a page.
struct FgetRequest {
    let page: WantedPage
    let mode: PageLeases.Mode
    let ttlMilliseconds: Int
    let waitMilliseconds: Int

    /// Whether the file may be longer afterwards, or others are kept from changing the page.
    let needsAppend: Bool

    /// - Parameter mayAppend: who may not is given the page to read, unless he asks for more.
    init(_ object: inout JSONObject, mayAppend: Bool) throws(Problem) {
        let pgno = try object.pgno()
        var flags: [String] = []
        for node in try object.elements("flags") ?? [] {
            guard let flag = node.string, ["create", "last", "new"].contains(flag) else {
                throw Problem(
                    .badParameter, "flags is one of create, last and new", option: "flags")
            }
            flags.append(flag)
        }
        guard flags.count <= 1 else {
            throw Problem(.badParameter, "at most one flag can be given", option: "flags")
        }
        switch flags.first {
        case "last": page = .last
        case "new": page = .new
        default:
            guard let pgno else { throw Problem(.badParameter, "pgno is needed", option: "pgno") }
            page = flags.isEmpty ? .existing(pgno) : .create(pgno)
        }
        let wanted: PageLeases.Mode? = try object.choice("mode")
        mode = wanted ?? (mayAppend ? .write : .read)
        needsAppend = wanted == .write || ["create", "new"].contains(flags.first)
        ttlMilliseconds = try object.pinTTL() ?? 30_000
        waitMilliseconds = try object.integer("wait_ms", in: 0...60_000) ?? 0
    }
}

extension FputRequest {
    /// Whether the page is another afterwards, or is taken for unchanged.
    var changesPage: Bool { change != nil || !flags.isDisjoint(with: [.dirty, .clean]) }
}

/// The body of a request to put a page back, or to set what is known of it.
struct FputRequest {
    let pin: String
    var flags: PageFlags = []
    let change: PageChange?
    /// Of the page until its next put; nil for that of the file.
    let priority: PagePriority?

    /// - Parameters:
    ///   - keeps: whether it is fset.
    ///   - names: of pins that a batch has named.
    init(
        _ object: inout JSONObject, keeps: Bool, names: [String: String] = [:]
    ) throws(Problem) {
        priority = keeps ? nil : try object.choice("priority")
        guard let given = try object.string("pin") else {
            throw Problem(.badParameter, "pin is needed", option: "pin")
        }
        if given.hasPrefix("$") {
            guard let named = names[String(given.dropFirst())] else {
                throw Problem(.badParameter, "no operation before has the name \(given)")
            }
            pin = named
        } else {
            pin = given
        }
        for node in try object.elements("flags") ?? [] {
            switch node.string {
            case "clean": flags.insert(.clean)
            case "dirty": flags.insert(.dirty)
            case "discard": flags.insert(.discard)
            default:
                throw Problem(
                    .badParameter, "flags are clean, dirty and discard", option: "flags")
            }
        }
        change = try PageChange(&object)
    }
}

extension PageChange {
    /// Takes `page` or `patches` out of a body; nil if neither is there.
    init?(_ object: inout JSONObject) throws(Problem) {
        let page = object.take("page")
        let patches = try object.elements("patches")
        switch (page, patches) {
        case (nil, nil): return nil
        case (let page?, nil): self = .whole(try JSONObject.bytes(page))
        case (nil, let patches?):
            var all: [(at: Int, bytes: [UInt8])] = []
            for node in patches {
                var patch = try JSONObject(node)
                guard let at = try patch.integer("at", in: 0...(1 << 30)),
                    let text = try patch.string("b64")
                else {
                    throw Problem(
                        .badParameter, "\(node.place) needs at and b64", option: "patches")
                }
                try patch.finish()
                all.append((at, try JSONObject.decoded(text, node.place)))
            }
            self = .patches(all)
        default: throw Problem(.badParameter, "send one of page and patches", option: "patches")
        }
    }
}

extension WritePacing {
    /// Takes `max_write` out of a body; nil if it is not there.
    init?(_ object: inout JSONObject) throws(Problem) {
        guard let node = object.take("max_write") else { return nil }
        var pacing = try JSONObject(node)
        guard let writes = try pacing.integer("writes", in: 0...1_000_000),
            let sleep = try pacing.integer("sleep_us", in: 0...10_000)
        else {
            throw Problem(.badParameter, "max_write has writes and sleep_us", option: "max_write")
        }
        try pacing.finish()
        self.init(writes: writes, sleepMicroseconds: sleep)
    }
}

extension LSN {
    /// Takes `lsn` out of a body; nil if it is not there.
    init?(_ object: inout JSONObject) throws(Problem) {
        guard let node = object.take("lsn") else { return nil }
        var lsn = try JSONObject(node)
        let most = Int(UInt32.max)
        guard let file = try lsn.integer("file", in: 0...most),
            let offset = try lsn.integer("offset", in: 0...most)
        else { throw Problem(.badParameter, "lsn has a file and an offset", option: "lsn") }
        try lsn.finish()
        self.init(file: UInt32(file), offset: UInt32(offset))
    }

    /// Reads `file,offset`.
    init(header: String) throws(Problem) {
        let parts = header.trimmingSpaces().split(separator: ",").compactMap { UInt32($0) }
        guard parts.count == 2 else {
            throw Problem(
                .badParameter, "If-Page-LSN-Below is file,offset", option: "If-Page-LSN-Below")
        }
        self.init(file: parts[0], offset: parts[1])
    }
}

extension PageCondition {
    /// What the headers of a request ask of a page.
    init(_ headers: Headers) throws(Problem) {
        self.init()
        if let tags = headers.joined(.ifMatch), tags.trimmingSpaces() != "*" {
            self.tags = Self.list(tags)
        }
        if let tags = headers.joined(.ifNoneMatch), tags.trimmingSpaces() != "*" {
            refusedTags = Self.list(tags)
        }
        lsnBelow = try headers[.ifPageLSNBelow].map { (text) throws(Problem) in
            try LSN(header: text)
        }
    }

    /// The entity tags in a header.
    static func list(_ header: String) -> [String] {
        header.split(separator: ",").map { $0.trimmingSpaces() }
    }
}

extension JSONObject {
    /// Takes an integer within limits.
    mutating func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let value = try integer(name) else { return nil }
        guard range.contains(value) else {
            throw Problem(
                .badParameter, "\(name) is \(range.lowerBound) to \(range.upperBound)", option: name
            )
        }
        return value
    }

    mutating func positive(_ name: String) throws(Problem) -> Int? {
        try integer(name, in: 1...Int.max)
    }

    mutating func pgno() throws(Problem) -> UInt32? {
        try integer("pgno", in: 0...Int(UInt32.max)).map { UInt32($0) }
    }

    mutating func pinTTL() throws(Problem) -> Int? { try integer("ttl_ms", in: 1000...300_000) }

    /// Takes the elements of an array.
    mutating func elements(_ name: String) throws(Problem) -> [JSONNode]? {
        guard let node = take(name) else { return nil }
        guard let elements = node.elements else {
            throw Problem(.badParameter, "\(node.place) must be an array", option: name)
        }
        guard elements.count <= 10_000 else {
            throw Problem.tooLarge("\(node.place) has too many elements", limit: 10_000)
        }
        return elements
    }

    /// Takes permissions, such as `"0640"`.
    mutating func permissions(_ name: String) throws(Problem) -> UInt32? {
        guard let text = try string(name) else { return nil }
        let isOctal = text.utf8.allSatisfy { (0x30...0x37).contains($0) }
        guard isOctal, (3...4).contains(text.utf8.count), let mode = UInt32(text, radix: 8),
            mode & 0o600 == 0o600
        else {
            throw Problem(
                .badParameter,
                "\(name) is octal, such as \"0640\", and lets the owner read and write",
                option: name)
        }
        return mode
    }

    /// The bytes of `{"b64": "..."}`.
    static func bytes(_ node: JSONNode) throws(Problem) -> [UInt8] {
        var object = try JSONObject(node)
        guard let text = try object.string("b64") else {
            throw Problem(.badParameter, "\(node.place) needs b64", option: "b64")
        }
        try object.finish()
        return try decoded(text, node.place)
    }

    static func decoded(_ text: String, _ place: String) throws(Problem) -> [UInt8] {
        var bytes: [UInt8] = []
        guard Base64.decode(text, to: &bytes) else {
            throw Problem(
                .badParameter, "\(place)/b64 is not base64 with padding", option: "b64")
        }
        return bytes
    }
}
