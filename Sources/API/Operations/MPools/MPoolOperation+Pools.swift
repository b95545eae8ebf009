// Buffer pools as a whole.

extension MPoolOperation {
    static var describeList: OperationDescription {
        .init(
            "listMPools", .get, "/v1/mpools", tag: "mpools", "All buffer pools, by name",
            parameters: OperationDescription.page(of: "buffer pools", states: ["open", "closed"]),
            answers: [
                .init(
                    200, "A page.", [.json("MPoolList", example: MPoolExamples.list)],
                    headers: ["Link"])
            ],
            problems: [.badToken, .ioError, .fileAccess, .overloaded])
    }

    static var describeOpen: OperationDescription {
        describe(
            "openMPool", .put, "", "Open a buffer pool, or create it",
            "memp_open. One that is open must have the options that are given. After a restart of "
                + "the service a pool is closed, and pages that were not written are lost. Other "
                + "processes can join it in its folder.",
            parameters: [
                .init(
                    "If-None-Match", in: .header,
                    "*: only make a pool, never open one, nor one that was closed.",
                    ["type": "string"], example: "*")
            ],
            bodies: [.json("MPoolOptions", example: ["cachesize": 67_108_864])], bodyLimit: .small,
            answers: [
                .init(200, "It was open.", [.json("MPool", example: MPoolExamples.pool)]),
                .init(201, "It is open.", [.json("MPool", example: MPoolExamples.pool)]),
            ],
            problems: [.argMismatch, .noSuchJournal, .preconditionFailed])
    }

    static var describeGet: OperationDescription {
        describe(
            "getMPool", .get, "", "The options of a buffer pool, and what is in it",
            answers: [.init(200, "The pool.", [.json("MPool", example: MPoolExamples.pool)])])
    }

    static var describeUpdate: OperationDescription {
        describe(
            "updateMPool", .patch, "", "Change the size of an open buffer pool",
            "A smaller cachesize makes pages leave, and writes those that have changed. A pool can "
                + "grow to four times its first size, and to 64 MiB at least.",
            bodies: [
                .init(
                    .mergePatch, Schemas.reference("MPoolChanges"),
                    example: ["cachesize": 134_217_728]),
                .json("MPoolChanges", example: ["cachesize": 134_217_728]),
            ], bodyIsRequired: true, bodyLimit: .small,
            answers: [.init(200, "The pool.", [.json("MPool", example: MPoolExamples.pool)])],
            problems: [.filterFailed, .syncFailed, .lsnBeyondLog])
    }

    static var describeDelete: OperationDescription {
        describe(
            "deleteMPool", .delete, "", "Remove a buffer pool",
            "memp_unlink. Files of pages stay.",
            parameters: [
                .init(
                    "force", "Also while it is open, here or in another process.",
                    ["type": "boolean", "default": false])
            ],
            answers: [.init(204, "It is gone.")], problems: [.mpoolInUse])
    }

    static var describeClose: OperationDescription {
        describe(
            "closeMPool", .post, "/close", "Close a buffer pool",
            "memp_close: its handles and pins end. Pages that were not written are lost, unless "
                + "another process has their file open.",
            parameters: [syncFirst],
            answers: [
                .init(
                    200, "It is closed.",
                    [.json("MPoolClosed", example: MPoolExamples.closed)])
            ], problems: [.filterFailed, .syncFailed, .lsnBeyondLog])
    }

    static var describeTrickle: OperationDescription {
        describe(
            "trickleMPool", .post, "/trickle", "Write changed pages until a share is clean",
            "memp_trickle: the coldest first.",
            bodies: [.json("MPoolTrickle", example: ["pct": 50])], bodyIsRequired: true,
            bodyLimit: .small,
            answers: [
                .init(
                    200, "How many were written.",
                    [.json("MPoolTrickled", example: ["nwrote": 3])])
            ], problems: [.filterFailed, .syncFailed, .lsnBeyondLog])
    }

    static var describeSync: OperationDescription {
        describe(
            "syncMPool", .post, "/sync", "Write all changed pages, for a checkpoint",
            "memp_sync. Pages that are pinned are written when they are put back; asking again with "
                + "the same LSN tells how far that is. Without an LSN everything is flushed.",
            bodies: [
                .json("MPoolSync", example: ["lsn": ["file": 1, "offset": 4096]])
            ], bodyLimit: .small, answers: syncAnswers,
            problems: [.noLogging, .filterFailed, .syncFailed, .lsnBeyondLog])
    }

    static let syncAnswers: [OperationDescription.Answer] = [
        .init(
            200, "Everything is on stable storage.",
            [.json("MPoolSynced", example: ["complete": true])]),
        .init(
            202, "Some pages are pinned; ask again.",
            [
                .json(
                    "MPoolSynced", example: ["complete": false, "code": "DB_INCOMPLETE"])
            ], headers: ["Retry-After"]),
    ]

    static var describeStat: OperationDescription {
        describe(
            "getMPoolStat", .get, "/stat", "The figures of a buffer pool",
            "memp_stat, by the names of the original.",
            answers: [.init(200, "The figures.", [.json("MPoolStat", example: MPoolExamples.stat)])]
        )
    }

    static var describeClearStat: OperationDescription {
        describe(
            "clearMPoolStat", .post, "/stat", "The figures of a buffer pool, and start them anew",
            bodies: [.json("MPoolStatRequest", example: ["clear": true])], bodyLimit: .small,
            answers: [.init(200, "The figures.", [.json("MPoolStat", example: MPoolExamples.stat)])]
        )
    }

    static var describeRegister: OperationDescription {
        describe(
            "registerMPoolType", .put, "/ftypes/{ftype}", "Name the filters of a file type",
            "memp_register. Filters are none, byteswap16, byteswap32, byteswap64, xor, crc32c, "
                + "aes-xts, aes-gcm, zstd, fail, and a+b: a then b on the way out, b then a on the "
                + "way in. They get the file's pgcookie, which for aes-xts and aes-gcm names a key "
                + "of the keys' file. Pages of zeros pass unchanged.",
            bodies: [
                .json("MPoolType", example: ["pgin": "crc32c", "pgout": "crc32c"])
            ], bodyIsRequired: true, bodyLimit: .small,
            answers: [
                .init(200, "It was known.", [.json("MPoolTypeItem", example: MPoolExamples.type)]),
                .init(201, "It is new.", [.json("MPoolTypeItem", example: MPoolExamples.type)]),
            ], problems: [.notImplemented])
    }

    static var describeListTypes: OperationDescription {
        describe(
            "listMPoolTypes", .get, "/ftypes", "The file types that have filters",
            answers: [
                .init(
                    200, "All of them.",
                    [.json("MPoolTypeList", example: ["ftypes": [MPoolExamples.type]])])
            ])
    }

    static var describeGetType: OperationDescription {
        describe(
            "getMPoolType", .get, "/ftypes/{ftype}", "The filters of a file type",
            answers: [
                .init(200, "The type.", [.json("MPoolTypeItem", example: MPoolExamples.type)])
            ], problems: [.notFound, .badParameter])
    }

    static var describeBatch: OperationDescription {
        describe(
            "batchMPool", .post, "/batch", "Many calls in one request, in order",
            "Each operation has `op` and what its own request has in path, query and body: fget, "
                + "fput, fset, fsync, sync, trickle, stat, and get, put, patch for pages. `as` names "
                + "the pin of an fget, which later ones call `$NAME`. Nothing waits for a pin.",
            bodies: [
                .json("MPoolBatch", example: MPoolExamples.batch)
            ], bodyIsRequired: true, bodyLimit: .records,
            answers: [
                .init(
                    200, "What each of them answers, problems included.",
                    [.json("MPoolBatchResults", example: MPoolExamples.batchResults)])
            ])
    }
}
