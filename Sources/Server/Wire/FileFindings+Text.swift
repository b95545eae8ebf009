import API
import Store

extension RecordFile.Kind {
    /// What people call it.
    var words: String {
        switch self {
        case .pool: "pool"
        case .log: "disk log"
        case .wrap: "wrap log"
        case .journal: "journal"
        case .external: "external log"
        }
    }
}

extension FileFindings {
    /// What was found, for people: a line for the whole, and one for each thing that is wrong.
    func lines(of file: RecordFile) -> [String] {
        var text = "\(file.path): \(file.kind.words), "
        switch file.kind {
        case .pool where capacity == nil: text += "\(size) bytes, "
        case .pool: text += "\(bytes) of \(capacity ?? 0) bytes used, "
        case .external: text += "\(bytes) bytes, "
        default:
            text += "\(records) records, \(size) bytes"
            if parts.count > 1 { text += " in \(parts.count) files" }
            text += ", "
        }
        return [text + state.words] + users.map { "  \($0)" } + damage.map { "  \($0)" }
    }

    /// What is wrong, a line for each.
    var damage: [String] {
        faults
            + parts.compactMap { part in
                guard let fault = part.fault else { return nil }
                guard part.badBytes > 0, let first = part.firstBad else {
                    return "\(part.name): \(fault)"
                }
                return "\(part.name): \(part.badBytes) bytes lost, the first at byte \(first): "
                    + fault
            }
    }

    /// What was found, for programs.
    func document(of file: RecordFile) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "path", value: .string(file.path)),
            .init(name: "kind", value: .string(file.kind.rawValue)),
            .init(name: "state", value: .string(state.rawValue)),
        ]
        if file.kind == .pool || file.kind == .external {
            if let capacity { members.append(.init(name: "nbyte", value: .integer(capacity))) }
        } else {
            members.append(.init(name: "records", value: .integer(records)))
        }
        members += [
            .init(name: "bytes", value: .integer(bytes)),
            .init(name: "size", value: .integer(size)),
            .init(name: "badbytes", value: .integer(badBytes)),
            .init(name: "faults", value: .array(faults.map { .string($0) })),
            .init(name: "users", value: .array(users.map { .string($0) })),
            .init(name: "files", value: .array(parts.map(\.document))),
        ]
        return .object(members)
    }
}

extension FileFindings.Part {
    fileprivate var document: JSONValue {
        [
            "file": .string(name), "size": .integer(size), "records": .integer(records),
            "closed": .bool(isClosed), "badbytes": .integer(badBytes),
            "first_bad": firstBad.map { .integer($0) } ?? .null,
            "fault": fault.map { .string($0) } ?? .null,
        ]
    }
}

extension FileFindings.State {
    var words: String {
        switch self {
        case .clean: "clean"
        case .notClosed: "not closed"
        case .inUse: "in use"
        case .damaged: "DAMAGED"
        }
    }
}
