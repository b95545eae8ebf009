// Files of buffer pools, and pins.

extension MPoolOperation {
    static var describeOpenFile: OperationDescription {
        describe(
            "openMPoolFile", .put, file, "Open a file for its pages",
            "memp_fopen. Several handles may be open on one path; they share its pages. The first "
                + "one fixes page size, type, LSN offset and cookie.",
            bodies: [
                .json("MPoolFileOptions", example: MPoolExamples.fileOptions)
            ], bodyIsRequired: true, bodyLimit: .small,
            answers: [
                .init(200, "It was open.", [.json("MPoolFile", example: MPoolExamples.file)]),
                .init(201, "It is open.", [.json("MPoolFile", example: MPoolExamples.file)]),
            ], problems: [.argMismatch, .locked, .overloaded])
    }

    static var describeListFiles: OperationDescription {
        describe(
            "listMPoolFiles", .get, "/files", "The handles of files",
            answers: [
                .init(
                    200, "All of them.",
                    [.json("MPoolFileList", example: ["files": [MPoolExamples.file]])])
            ])
    }

    static var describeGetFile: OperationDescription {
        describe(
            "getMPoolFile", .get, file, "A handle: its options, and the figures of its file",
            answers: [.init(200, "The handle.", [.json("MPoolFile", example: MPoolExamples.file)])]
        )
    }

    static var describeCloseFile: OperationDescription {
        describe(
            "closeMPoolFile", .delete, file, "Close a handle",
            "memp_fclose: its pins end. With the last handle of a file its pages leave the pool, and "
                + "changes that were not written are lost.",
            parameters: [syncFirst],
            answers: [
                .init(
                    200, "It is closed.",
                    [.json("MPoolClosed", example: MPoolExamples.closed)])
            ], problems: [.filterFailed, .syncFailed, .lsnBeyondLog])
    }

    static var describeFsync: OperationDescription {
        describe(
            "fsyncMPoolFile", .post, file + "/fsync", "Write the changed pages of a file",
            "memp_fsync. While one of them is pinned, the others are written and nothing is flushed.",
            answers: syncAnswers, problems: [.filterFailed, .syncFailed, .lsnBeyondLog])
    }

    static var describeFget: OperationDescription {
        describe(
            "fgetMPoolPage", .post, file + "/fget", "Pin a page",
            "memp_fget. The pin is a lease: it ends after ttl_ms without use, as if it had been put "
                + "back unchanged. Any number of read pins and one write pin of a page are out at "
                + "once. On a file that is read only every pin is a read pin.",
            parameters: [minimal],
            bodies: [
                .json("MPoolFget", example: ["pgno": 7, "flags": ["create"], "mode": "write"])
            ], bodyIsRequired: true, bodyLimit: .small,
            answers: [
                .init(
                    200, "The pin, and the page.",
                    [
                        .json("MPoolPin", example: MPoolExamples.granted),
                        .init(.octetStream, Schemas.binary),
                    ], headers: ["ETag", "Mpool-Pin", "Mpool-Pgno"])
            ], problems: getting + [.pagePinned, .rateLimited, .waitTimeout])
    }

    private static func describeUse(
        _ id: String, _ path: String, _ schema: String, _ summary: String, _ details: String
    ) -> OperationDescription {
        describe(
            id, .post, file + path, summary, details, parameters: [ifMatch, lsnBelow],
            bodies: [.json(schema, example: MPoolExamples.fput)], bodyIsRequired: true,
            bodyLimit: .records,
            answers: [
                .init(
                    200, "The page is as was said.",
                    [.json("MPoolPinUsed", example: MPoolExamples.used)])
            ],
            problems: [
                .noSuchPin, .pinExpired, .readOnlyFile, .preconditionFailed, .cacheFull,
                .notImplemented,
            ])
    }

    static var describeFput: OperationDescription {
        describeUse(
            "fputMPoolPage", "/fput", "MPoolFput", "Give a pin back",
            "memp_fput. `page` or `patches` store new bytes in one step, and need the flag dirty. On "
                + "an error the pin stays.")
    }

    static var describeFset: OperationDescription {
        describeUse(
            "fsetMPoolPage", "/fset", "MPoolFset", "Say what is to be known of a pinned page",
            "memp_fset: as fput, but the pin is kept.")
    }

    static var describeListPins: OperationDescription {
        describe(
            "listMPoolPins", .get, "/pins", "Who has pages pinned, oldest first",
            answers: [
                .init(
                    200, "All pins.",
                    [.json("MPoolPinList", example: ["pins": [MPoolExamples.pin]])])
            ])
    }

    static var describeRenewPin: OperationDescription {
        describe(
            "renewMPoolPin", .post, "/pins/{pin}/renew", "Let a pin live longer",
            bodies: [.json("MPoolRenew", example: ["ttl_ms": 30_000])], bodyLimit: .small,
            answers: [
                .init(200, "The pin.", [.json("MPoolPinItem", example: MPoolExamples.pin)])
            ], problems: [.noSuchPin, .pinExpired])
    }

    static var describeEndPin: OperationDescription {
        describe(
            "endMPoolPin", .delete, "/pins/{pin}", "End a pin",
            "As fput without flags: what the pin would have changed is not changed.",
            parameters: [
                .init(
                    "force", "Whoever has it.", ["type": "boolean", "default": false])
            ],
            answers: [.init(204, "It has ended.")], problems: [.noSuchPin, .pinExpired])
    }

    // MARK: - Pages without pins

    private static let page = file + "/pages/{pgno}"

    static var describeGetPage: OperationDescription {
        describe(
            "getMPoolPage", .get, page, "Read a page",
            "memp_fget and memp_fput in one. HEAD tells whether the page exists, without loading or "
                + "counting it.",
            parameters: [
                discard,
                .init(
                    "Range", in: .header, "Some of its bytes.", ["type": "string"],
                    example: "bytes=0-15"),
                .init(
                    "If-None-Match", in: .header, "304 if the page still has this entity tag.",
                    ["type": "string"], example: "\"c-8a9136aa\""),
            ],
            answers: pageAnswers + [
                .init(
                    206, "Some of its bytes.", [.init(.octetStream, Schemas.binary)],
                    headers: ["ETag", "Content-Range"]),
                .init(304, "It is unchanged.", headers: ["ETag"]),
            ],
            problems: getting + [.rangeNotSatisfiable])
    }

    private static let pageAnswers: [OperationDescription.Answer] = [
        .init(
            200, "The page.", [.init(.octetStream, Schemas.binary)],
            headers: ["ETag", "Mpool-Pgno"])
    ]

    static var describeLastPage: OperationDescription {
        describe(
            "getLastMPoolPage", .get, file + "/pages/last", "Read the last page",
            "memp_fget with DB_MPOOL_LAST: the last page of the file or, if that is higher, of the "
                + "pool.", parameters: [discard], answers: pageAnswers, problems: getting)
    }

    private static let changing: [ProblemCode] =
        getting + [
            .readOnlyFile, .pagePinned, .preconditionFailed,
        ]

    static var describePutPage: OperationDescription {
        describe(
            "putMPoolPage", .put, page, "Write a page as a whole",
            "memp_fget with DB_MPOOL_CREATE and memp_fput with DB_MPOOL_DIRTY: the page is in the "
                + "pool; fsync or sync put it on stable storage.",
            parameters: [
                discard, ifMatch,
                .init(
                    "If-None-Match", in: .header, "*: only if the page does not exist.",
                    ["type": "string"], example: "*"), lsnBelow,
            ],
            bodies: [.init(.octetStream, Schemas.binary)], bodyIsRequired: true,
            bodyLimit: .records,
            answers: [
                .init(201, "It was made.", headers: ["ETag", "Location"]),
                .init(204, "It was replaced.", headers: ["ETag"]),
            ], problems: changing)
    }

    static var describePatchPage: OperationDescription {
        describe(
            "patchMPoolPage", .patch, page, "Change some bytes of a page",
            "The body takes the place of the bytes from `at` on, or is JSON with patches.",
            parameters: [
                .init(
                    "at", "Where the bytes of the body go.",
                    ["type": "integer", "minimum": 0, "default": 0]),
                .init(
                    "create", "Make the page if it does not exist.",
                    ["type": "boolean", "default": false]), discard, ifMatch, lsnBelow,
            ],
            bodies: [
                .init(.octetStream, Schemas.binary),
                .json("MPoolPatches", example: MPoolExamples.patches),
            ], bodyIsRequired: true, bodyLimit: .records,
            answers: [
                .init(201, "It was made.", headers: ["ETag", "Location"]),
                .init(204, "It was changed.", headers: ["ETag"]),
            ], problems: changing)
    }

    static var describeNewPage: OperationDescription {
        describe(
            "newMPoolPage", .post, file + "/pages", "Add a page behind the last one",
            "memp_fget with DB_MPOOL_NEW: page 1 of an empty file. Without a body it is zeros.",
            parameters: [discard],
            bodies: [.init(.octetStream, Schemas.binary)], bodyLimit: .records,
            answers: [
                .init(
                    201, "The page.", [.json("MPoolNewPage", example: ["pgno": 8])],
                    headers: ["ETag", "Location", "Mpool-Pgno"])
            ], problems: changing)
    }
}
