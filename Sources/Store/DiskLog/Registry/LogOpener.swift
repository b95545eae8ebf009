/// Opens the files of a log, or makes them.
struct LogOpener {
    let name: String
    let node: String
    /// All that the opening needs is given: file, type and format too.
    let options: LogOptions
    let directory: DataDirectory
    let services: LogServices

    /// The writing side of an open log.
    struct Opened {
        let setting: LogSetting
        let writer: any LogWriter
        let result: LogOpened
        /// Whether there was nothing before.
        let isNew: Bool
    }

    var type: LogType { options.type ?? .halt }

    func open() throws(StoreError) -> Opened {
        let places = try LogPlace.read(LogPlaceFile.path(of: name), in: directory)
        let base = options.file ?? Logs.defaultBase(name)
        let mode = options.mode ?? .readWrite
        let isNew = !Self.exists(base, type, in: directory)
        if isNew, mode == .readWrite {
            try directory.makeFolders(above: base)
            // One that has a place is made anew where its files have been moved away.
            if places.isEmpty { try services.forget("logs", name, in: directory) }
        }
        let setting = LogSetting(
            name: name, node: node, format: options.format ?? .internal, mode: mode, base: base,
            directory: directory,
            folder: mode == .readWrite ? try directory.keepFolder(of: base) : nil,
            place: try LogPlaceFile(
                LogPlaceFile.path(of: name), lastSequence: places.first?.sequence ?? 0, mode: mode,
                in: directory),
            gate: try AppendGate(of: "logs", name, in: directory))
        let head = HeadMaker(
            options.head ?? .none, log: name, node: node, format: setting.format)
        let slots = places.map(\.place)
        switch type {
        case .halt: return try openHalt(setting, head, slots, isNew)
        case .wrap: return try openRing(setting, head, slots, isNew)
        case .rotate: return try openRotating(setting, head, slots, isNew)
        }
    }

    /// Whether a log has files.
    static func exists(_ base: String, _ type: LogType, in directory: DataDirectory) -> Bool {
        let paths =
            type == .wrap
            ? [RingIndex.path(base), RingSizeFile.path(base), base + ".1"] : [base]
        return paths.contains(where: directory.exists)
    }

    private func openHalt(
        _ setting: LogSetting, _ head: HeadMaker, _ slots: [LogPlace], _ isNew: Bool
    ) throws(StoreError) -> Opened {
        var head = head
        let opened = try LogOpening(
            setting: setting, repair: options.repair ?? .repair, number: 0, path: setting.base,
            indexed: nil, places: LogPlaces(slots)
        ).open(&head)
        let writer = try HaltWriter(
            setting, opened, head: head, size: options.size ?? .infinity)
        return Opened(setting: setting, writer: writer, result: opened.result, isNew: isNew)
    }

    private func openRotating(
        _ setting: LogSetting, _ head: HeadMaker, _ slots: [LogPlace], _ isNew: Bool
    ) throws(StoreError) -> Opened {
        guard case .files(let bytes, let files) = options.size else {
            throw .badArgument(
                option: "size", detail: "a rotate log needs a size: its files' bytes and number")
        }
        var head = head
        let opened = try LogOpening(
            setting: setting, repair: .repair, number: 0, path: setting.base, indexed: nil,
            places: LogPlaces(slots)
        ).open(&head)
        let writer = try RotateWriter(
            setting, opened, head: head, maxBytes: bytes, maxFiles: files)
        return Opened(setting: setting, writer: writer, result: .ok, isNew: isNew)
    }

    private func openRing(
        _ setting: LogSetting, _ head: HeadMaker, _ slots: [LogPlace], _ isNew: Bool
    ) throws(StoreError) -> Opened {
        if setting.mode == .readOnly, let wanted = options.size,
            let found = try RingSizeFile.read(setting.base, in: directory)?.size, found != wanted
        {
            throw .log(.sizeMismatch(current: found, given: wanted))
        }
        let (opened, file) = try RingWriter.open(
            setting, head: head, size: options.size, repair: options.repair ?? .repair,
            slots: slots)
        var writer = opened
        // A ring that is there is opened with its own size, and then changed.
        if let wanted = options.size, wanted != .infinity, wanted != writer.size {
            try writer.changeSize(wanted)
        }
        return Opened(setting: setting, writer: writer, result: file.result, isNew: isNew)
    }
}
