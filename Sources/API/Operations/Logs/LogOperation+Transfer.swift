// A log as an archive of its files: out of the service and into it.

extension LogOperation {
    static var describeExport: OperationDescription {
        describe(
            "exportLog", .get, "/export", "The files of a log as a tar archive",
            "The files at one position, as closing the log then would leave them: what was logged "
                + "before the request is in them, and Erlang opens them once they are unpacked. "
                + "Writers wait for a moment and not for the download. A log that is open for reading "
                + "only is taken as another program left it. A download that ends before its "
                + "Content-Length is not whole.",
            parameters: [wait, handle],
            answers: [
                .init(
                    200, "The archive.", [.init(.tar, Schemas.binary)],
                    headers: ["ETag", "Log-Position"])
            ], problems: [.badParameter, .blockedLog, .waitTimeout])
    }

    static var describeImport: OperationDescription {
        describe(
            "importLog", .post, "/import", "Make a log from a tar archive of its files",
            "Takes what export gives, and archives that tar makes of Erlang's files. All files lie in "
                + "one folder and have one base name, whichever; they get the names of the new log, "
                + "which is then open. All items are checked. Links, other members and a second file "
                + "of a name are refused, as is an archive without its end. What is not given is told "
                + "by the archive.",
            parameters: [
                .init(
                    "type", "Told by the files' names unless given.",
                    ["type": "string", "enum": ["halt", "wrap", "rotate"]]),
                .init(
                    "format", "internal if a file begins as those do, unless given.",
                    ["type": "string", "enum": ["internal", "external"]]),
                .init(
                    "max_no_bytes", "The size of a halt log, or of each file.",
                    ["type": "integer", "minimum": 1]),
                .init(
                    "max_no_files", "The number of files of a wrap or rotate log.",
                    ["type": "integer", "minimum": 1, "maximum": 64_999]),
                .init(
                    "repair",
                    "true: a log that was not closed or is damaged is repaired, as an opening does "
                        + "it; else it is refused.",
                    ["type": "boolean", "default": false]), shape,
            ],
            bodies: [.init(.tar, Schemas.binary), .init(.octetStream, Schemas.binary)],
            bodyIsRequired: true, bodyLimit: .file,
            answers: [itemAnswer(201, "The log is there, and open.")],
            problems: [.alreadyExists, .badParameter, .sizeMismatch])
    }
}
