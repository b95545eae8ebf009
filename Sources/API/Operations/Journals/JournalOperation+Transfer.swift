// A journal as an archive of its files: out of the service and into it.

extension JournalOperation {
    static var describeExport: OperationDescription {
        describe(
            "exportJournal", .get, "/export", "The log files of a journal as a tar archive",
            "The log files up to the end at the request, which is on stable storage, and the few files "
                + "that let the real library and its printlog open the directory. Writers wait for a "
                + "moment and not for the download; nothing is archived until it has ended. A download "
                + "that ends before its Content-Length is not whole.",
            answers: [
                .init(
                    200, "The archive.", [.init(.tar, Schemas.binary)],
                    headers: ["ETag", "Log-Position"])
            ], problems: [.noLogging, .positionGone])
    }

    static var describeImport: OperationDescription {
        describe(
            "importJournal", .post, "/import", "Make a journal from a tar archive of its log files",
            "Takes what export gives, and archives that tar makes of a database's log files; the other "
                + "files of a directory that holds nothing but a log are passed over, tables are "
                + "refused. All records are checked. Links, other members, a second file of a name and "
                + "missing files are refused, as is an archive without its end.",
            parameters: [
                .init(
                    "file_max",
                    "The size at which files are switched; told by the archive, or 100 MiB.",
                    ["type": "integer", "minimum": 102_400, "maximum": 2_147_483_648]),
                .init(
                    "compressor", "What packed the records; told by the archive, or none.",
                    ["type": "string", "enum": ["none", "snappy", "zlib"]]),
                .init(
                    "repair", "true: what a crash left unfinished at the end is cut off.",
                    ["type": "boolean", "default": false]),
            ],
            bodies: [.init(.tar, Schemas.binary), .init(.octetStream, Schemas.binary)],
            bodyIsRequired: true, bodyLimit: .file,
            answers: [itemAnswer(201, "The journal is there, and open.")],
            problems: [.alreadyExists, .badParameter, .notALogFile, .needRepair])
    }
}
