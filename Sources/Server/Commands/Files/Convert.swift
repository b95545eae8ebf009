import ArgumentParser
import Store

/// The command `tidemark convert`.
struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Move the records of a file into a new one of another kind.",
        discussion: """
            Works without a server, and does not change the file that is read. Disk logs and rings \
            hold terms, everything else bytes: bytes become binaries, and binaries bytes; --terms \
            takes the bytes as encodings of terms. The data of pools and external logs has no record \
            boundaries: --lines or --chunk divides it. In a journal a record is a message, or with a \
            zero byte in it the value of a column's row.

            The new file gets its name when it is whole. Exits 0 if all was moved, 1 if damage was \
            passed over, 2 if nothing was made.
            """)

    @Argument(help: "What is read.")
    var from: String

    @Argument(help: "What is made; nothing may be there yet.")
    var into: String

    @Option(
        name: .customLong("to"),
        help: ArgumentHelp(
            "What it becomes: pool, log, external, wrap or journal.", valueName: "kind"))
    var target: RecordFile.Kind

    @Option(
        help: ArgumentHelp(
            "Bytes of a pool's file, of each file of a ring, or at which a journal begins a new file.",
            valueName: "bytes"))
    var size: ByteCount?

    @Option(help: ArgumentHelp("How many files a ring has.", valueName: "n"))
    var files: Int?

    @ArgumentParser.Flag(help: "Bytes are the encodings of Erlang's terms.")
    var terms = false

    @OptionGroup var division: DivisionOptions
    @OptionGroup var options: FileOptions

    func validate() throws {
        if size != nil, target == .log || target == .external {
            throw ValidationError("--size is for a pool, a wrap or a journal.")
        }
        if files != nil, target != .wrap { throw ValidationError("--files is for a wrap.") }
    }

    func run() throws {
        var target = Conversion.Target(into, self.target)
        target.size = size?.bytes
        target.files = files
        let outcome = try onFile { [target] () throws(StoreError) in
            let file = try RecordFile(from, kind: options.kind)
            let progress = ProgressLine(total: file.size)
            defer { progress.clear() }
            var conversion = Conversion(
                file, to: target, division: division.division, areTerms: terms
            ) { progress.show($0) }
            return try conversion.run()
        }
        try report(outcome)
    }

    private func report(_ outcome: Conversion.Outcome) throws {
        let isBytes = [.pool, .external].contains(target) && outcome.findings.records == 0
        let moved =
            isBytes
            ? "\(outcome.bytes) bytes" : "\(outcome.records) records, \(outcome.bytes) bytes"
        try printLine("\(into): \(moved)")
        if outcome.skipped > 0 {
            try printLine("  \(outcome.skipped) operations that put no value were left behind")
        }
        if outcome.keys > 0 {
            try printLine(
                "  \(outcome.keys) keys of rows were left behind: a record is a row's value")
        }
        guard outcome.findings.isDamaged else { return }
        for line in outcome.findings.damage { printError("tidemark: \(line)") }
        throw FileExit.damaged.code
    }
}
