import API
import ArgumentParser
import Store

/// The command `tidemark dump`.
struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the records of a file as lines of JSON.",
        discussion: """
            Works without a server, and writes nothing. Each line has a record in the envelope of \
            the HTTP API with its position: items from the oldest one on in a log, bytes in a pool \
            or an external log, the LSN of a journal's row. What is damaged is passed over and told \
            at the end on stderr; then the exit code is 1.
            """)

    @Argument(help: "A pool, a log, a ring or a journal.")
    var file: String

    @OptionGroup var options: FileOptions
    @OptionGroup var division: DivisionOptions

    @Option(name: .customLong("as"), help: "How records are shown: auto, b64, text, json or term.")
    var shape = RecordShape.auto

    @Option(
        help: ArgumentHelp(
            "Begin at that position; of a journal an LSN, FILE,OFFSET.", valueName: "position"))
    var from: String?

    @Option(help: ArgumentHelp("Print so many lines at most.", valueName: "n"))
    var limit: Int?

    func run() throws {
        let file = try onFile { () throws(StoreError) in
            try RecordFile(self.file, kind: options.kind)
        }
        var request = ReadRequest()
        request.from = try position(in: file)
        if let division = division.division { request.division = division }
        let progress = ProgressLine(total: file.size, isShown: !StandardOutput.isTerminal)
        let records = FoundRecordWriter(shape: shape, kind: file.kind)
        var output = StandardOutput()
        var left = limit ?? .max
        let findings = try onFile { () throws(StoreError) in
            guard left > 0 else { return FileFindings() }
            defer { output.flush() }
            return try file.read(request, progress: { progress.show($0) }) { record in
                left -= 1
                return output.line { records.write(record, to: &$0) } && left > 0
            }
        }
        progress.clear()
        try finish(findings, output)
    }

    private func finish(_ findings: FileFindings, _ output: StandardOutput) throws {
        if let failure = output.failure {
            printError("tidemark: writing failed with \(errnoName(failure))")
            throw FileExit.failed.code
        }
        guard findings.isDamaged, output.isOpen else { return }
        for line in findings.damage { printError("tidemark: \(line)") }
        throw FileExit.damaged.code
    }

    private func position(in file: RecordFile) throws -> Int {
        guard let from else { return 0 }
        if file.kind == .journal {
            if let lsn = LSN(from) { return lsn.position }
        } else if let position = Int(from), position >= 0 {
            return position
        }
        throw ValidationError(
            "--from is \(file.kind == .journal ? "an LSN, such as 1,256" : "a number from 0 on").")
    }
}
