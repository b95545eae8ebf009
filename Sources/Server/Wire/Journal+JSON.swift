import API
import Store

extension LSN {
    var json: JSONValue { ["file": .integer(Int(file)), "offset": .integer(Int(offset))] }

    /// Null for `LSN.none`.
    var jsonOrNull: JSONValue { self == .none ? .null : json }
}

extension Journal {
    func tag(_ view: View) -> EntityTag {
        EntityTag(
            identity: identity, generation: view.generation, position: view.last.position)
    }

    /// The headers of answers about the journal.
    func headers(_ view: View) -> [Response.Header] {
        var headers = [Response.Header("ETag", tag(view).text)]
        if !isReadOnly { headers.append(.init("Log-Position", view.last.description)) }
        return headers
    }

    /// The item that clients get.
    ///
    /// - Parameters:
    ///   - cursors: how many are open.
    ///   - open: what became of an opening just now.
    func json(_ view: View, cursors: Int, _ open: JSONValue?) throws(StoreError) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "name", value: .string(name)),
            .init(name: "state", value: .string(view.state.word)),
        ]
        members += settings.members(path: path)
        members += [
            .init(name: "generation", value: .integer(view.generation)),
            .init(name: "etag", value: .string(tag(view).text)),
            .init(name: "first_lsn", value: try firstLSN()?.json ?? .null),
            .init(name: "checkpoint_lsn", value: checkpointLSN.jsonOrNull),
            .init(name: "cursors", value: .integer(cursors)),
            .init(
                name: "archive_held",
                value: holds.current.since.map {
                    .string(WallClock.text(ofMilliseconds: $0))
                } ?? .null),
        ]
        if !isReadOnly {
            members += [
                .init(name: "last_lsn", value: view.last.jsonOrNull),
                .init(name: "written_lsn", value: view.end.json),
                .init(name: "synced_lsn", value: view.synced.json),
            ]
        }
        members += fence?.members ?? []
        if let open { members.append(.init(name: "open", value: open)) }
        if case .failed(let reason) = view.state {
            members.append(.init(name: "failure", value: .string(reason)))
        }
        return .object(members)
    }

    /// The figures by the names of the original.
    var statisticsJSON: JSONValue {
        var members = JournalStatistics.Counter.allCases.map { counter in
            JSONValue.Member(
                name: counter.name,
                value: .integer(statistics.value(of: counter)))
        }
        members.append(
            .init(name: "log: maximum log file size", value: .integer(settings.fileMax)))
        return .object(members)
    }
}

extension JournalSettings {
    func members(path: String) -> [JSONValue.Member] {
        [
            .init(name: "mode", value: .string(mode.rawValue)),
            .init(name: "path", value: .string(path)),
            .init(name: "file_max", value: .integer(fileMax)),
            .init(name: "compressor", value: .string(compressor.rawValue)),
            .init(name: "archive", value: .bool(archive)),
            .init(name: "prealloc", value: .bool(prealloc)),
            .init(name: "durability", value: .string(durability.rawValue)),
            .init(name: "max_cursor_hold_ms", value: .integer(maxCursorHoldMilliseconds)),
        ]
    }
}

extension JournalOpened {
    var json: JSONValue {
        switch self {
        case .ok: ["result": "ok"]
        case .repaired(let place, let bad):
            ["result": "repaired", "cut_at": place.json, "badbytes": .integer(bad)]
        case .damaged(let place, let missing):
            ["result": "damaged", "damaged_at": place.json, "badbytes": .integer(missing)]
        }
    }
}

extension Journals.Closed {
    /// The entity tag that `json` and the headers show.
    var tag: EntityTag { EntityTag(identity: identity, generation: generation, position: 0) }

    var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init(name: "name", value: .string(name)),
            .init(name: "state", value: failure == nil ? "closed" : "failed"),
        ]
        members += settings.members(path: path)
        members += [
            .init(name: "generation", value: .integer(generation)),
            .init(name: "etag", value: .string(tag.text)),
            .init(name: "checkpoint_lsn", value: checkpoint.jsonOrNull),
        ]
        if let failure {
            let detail = Problem(failure, of: .wiredTiger).detail
            members.append(
                .init(name: "open", value: ["result": "failed", "detail": .string(detail)]))
        }
        return .object(members)
    }
}
