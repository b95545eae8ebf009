import API
import Store

/// The body of a request to open a log.
struct LogOpenRequest {
    enum Link: String, CaseIterable { case service, handle, none }

    private(set) var options = LogOptions()
    private(set) var head: HeadRequest?
    private(set) var link: Link
    private(set) var notify = false
    private(set) var ttlMilliseconds: Int?

    /// An empty body leaves everything to the defaults.
    ///
    /// - Parameter link: who holds the log unless the body says.
    init(_ body: [UInt8], link: Link = .service) throws(Problem) {
        self.link = link
        guard !body.isEmpty else { return }
        var object = try JSONObject(ofOptions: body)
        options.file = try object.string("file")
        options.type = try object.choice("type")
        options.format = try object.choice("format")
        options.size = try object.take("size").map(LogSize.init)
        options.repair = try object.take("repair").map(RepairMode.init)
        options.mode = try object.choice("mode")
        options.quiet = try object.bool("quiet")
        options.durability = try object.choice("durability")
        head = try HeadRequest(&object)
        self.link = try object.choice("linkto") ?? link
        notify = try object.bool("notify") ?? false
        ttlMilliseconds = try object.ttl()
        try object.finish()
    }

    /// The options, the head in the form that a log of `format` keeps.
    func options(
        for format: LogFormat, log: String, _ terms: TermForm
    ) throws(Problem) -> LogOptions {
        var options = options
        options.head = try head?.resolved(for: format, log: log, terms)
        return options
    }
}

/// A head as it was sent: what it becomes depends on the log's format.
struct HeadRequest {
    private enum Form {
        case none
        case envelope(JSONNode)
        case generator(HeadGenerator)
    }

    private let form: Form

    /// Takes `head` and `head_func` out; nil if neither is there.
    init?(_ object: inout JSONObject) throws(Problem) {
        let head = object.take("head")
        let function = object.take("head_func")
        switch (head, function) {
        case (nil, nil): return nil
        case (let head?, nil): form = head.isNull ? .none : .envelope(head)
        case (nil, let function?): form = .generator(try HeadGenerator(function))
        default:
            throw Problem(
                .badParameter, "send one of head and head_func", option: "head_func")
        }
    }

    func resolved(
        for format: LogFormat, log: String, _ terms: TermForm
    ) throws(Problem) -> LogHead {
        switch form {
        case .none: return .none
        case .generator(let generator): return .generated(generator)
        case .envelope(let envelope):
            var bytes: [UInt8] = []
            let form: any RecordForm =
                format == .internal ? terms : ExternalForm(log: log)
            try form.append(envelope: envelope, to: &bytes)
            return .fixed(bytes)
        }
    }
}

/// The body of a request to change a log.
struct LogChangeRequest {
    let size: LogSize?
    let head: HeadRequest?
    let durability: Durability?

    init(_ body: [UInt8]) throws(Problem) {
        var object = try JSONObject(ofOptions: body)
        size = try object.take("size").map(LogSize.init)
        head = try HeadRequest(&object)
        durability = try object.choice("durability")
        try object.finish()
    }
}

/// The body of a truncation or reopening.
struct LogEmptyRequest {
    let file: String?
    let head: HeadRequest?

    /// - Parameter takesFile: whether a file's name is needed, or none is allowed.
    init(_ body: [UInt8], takesFile: Bool) throws(Problem) {
        guard !body.isEmpty else {
            if takesFile {
                throw Problem(.badParameter, "file is needed: the new base name", option: "file")
            }
            file = nil
            head = nil
            return
        }
        var object = try JSONObject(ofOptions: body)
        file = takesFile ? try object.string("file") : nil
        head = try HeadRequest(&object)
        try object.finish()
        if takesFile, file == nil {
            throw Problem(.badParameter, "file is needed: the new base name", option: "file")
        }
    }
}

extension JSONObject {
    /// Takes the time that a handle lives without use, in milliseconds.
    mutating func ttl() throws(Problem) -> Int? {
        guard let ttl = try integer("ttl_ms") else { return nil }
        guard (1000...86_400_000).contains(ttl) else {
            throw Problem(
                .badParameter, "ttl_ms is 1000 to 86400000 milliseconds", option: "ttl_ms")
        }
        return ttl
    }
}

extension LogSize {
    init(_ node: JSONNode) throws(Problem) {
        if node.string == "infinity" {
            self = .infinity
        } else if let bytes = node.integer {
            self = .bytes(bytes)
        } else if node.members != nil {
            var object = try JSONObject(node)
            let bytes = try object.integer("max_no_bytes")
            let files = try object.integer("max_no_files")
            try object.finish()
            guard let bytes, let files else {
                throw Problem(
                    .badParameter, "size needs max_no_bytes and max_no_files", option: "size")
            }
            self = .files(maxBytes: bytes, maxFiles: files)
        } else {
            throw Problem(
                .badParameter,
                "size is \"infinity\", a number of bytes, or max_no_bytes and max_no_files",
                option: "size")
        }
    }
}

extension RepairMode {
    init(_ node: JSONNode) throws(Problem) {
        switch (node.bool, node.string) {
        case (true?, _): self = .repair
        case (false?, _): self = .refuse
        case (_, "truncate"): self = .truncate
        default:
            throw Problem(
                .badParameter, "repair is true, false or \"truncate\"", option: "repair")
        }
    }
}

extension HeadGenerator {
    init(_ node: JSONNode) throws(Problem) {
        var object = try JSONObject(node)
        let kind: Kind? = try object.choice("name")
        var text: String?
        if let arguments = object.take("args") {
            var members = try JSONObject(arguments)
            text = try members.string("text")
            try members.finish()
        }
        try object.finish()
        guard let kind, kind != .template || text != nil else {
            throw Problem(
                .badParameter, "head_func needs a name, and a template its args.text",
                option: "head_func")
        }
        self.init(kind: kind, text: text ?? "")
    }
}

extension JSONObject {
    /// Options of a log, of which the head is a record.
    fileprivate init(ofOptions body: [UInt8]) throws(Problem) {
        try self.init(JSONDocument(body, depth: RecordEnvelope.depth(around: 2)).root)
    }
}
