import API
import ArgumentParser
import Glibc
import Store

extension RecordFile.Kind: ExpressibleByArgument {}
extension RecordShape: ExpressibleByArgument {}

/// What all commands on files without a server take.
struct FileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the file is, if its bytes can't tell: pool, log, wrap, journal or external.",
            valueName: "kind"))
    var kind: RecordFile.Kind?
}

/// How bytes without a framing of their own, of pools and external logs, become records.
struct DivisionOptions: ParsableArguments {
    @ArgumentParser.Flag(help: "Of a pool or an external log each line is a record.")
    var lines = false

    @Option(help: ArgumentHelp("Pieces of so many bytes are its records.", valueName: "bytes"))
    var chunk: ByteCount?

    var division: ByteDivision? {
        if lines { return .lines }
        return chunk.map { .pieces($0.bytes) }
    }

    func validate() throws {
        if lines, chunk != nil { throw ValidationError("Give --lines or --chunk, not both.") }
        // A piece is held in memory.
        if let chunk, !(1...(1 << 30)).contains(chunk.bytes) {
            throw ValidationError("A chunk has 1 byte to 1G.")
        }
    }
}

/// A number of bytes: `4096`, `64K`, `16M`, `2G`, `1T`.
struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let digits = argument.prefix { ("0"..."9").contains($0) }
        let factors = ["": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
        guard let number = Int(digits), number > 0,
            let factor = factors[argument.dropFirst(digits.count).uppercased()]
        else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        self.bytes = bytes
    }
}

/// The exit codes of the commands on files.
enum FileExit: Int32, Comparable {
    case clean = 0
    /// Damaged, or not closed; of what could be read everything was.
    case damaged = 1
    /// Unknown, or it could not be done.
    case failed = 2

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    var code: ExitCode { ExitCode(rawValue) }
}

extension StoreError {
    /// What happened, for who sits at a terminal.
    var text: String {
        switch self {
        case .io(let fault), .fileAccess(let fault), .syncFailed(let fault):
            "\(fault.call) of \(fault.file) failed with \(errnoName(fault.errno))"
        case .failed(let detail), .notAPool(let detail): detail
        default: Problem(self).detail
        }
    }
}

/// Does something with a file; what fails is told on stderr and ends the command.
func onFile<Result>(_ body: () throws(StoreError) -> Result) throws -> Result {
    // A limit on the size of files must be an error, and not the end.
    signal(SIGXFSZ, SIG_IGN)
    do throws(StoreError) {
        return try body()
    } catch {
        printError("tidemark: \(error.text)")
        throw FileExit.failed.code
    }
}

/// Prints a line to standard output, at once.
///
/// - Throws: the exit code, where nobody gets it.
func printLine(_ line: String) throws { try printText(line + "\n") }

/// As `printLine`, without an end of the line.
func printText(_ text: String) throws {
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes {
            write(1, $0.baseAddress.map { $0 + done }, bytes.count - done)
        }
        if count > 0 {
            done += count
        } else if count < 0, errno != EINTR {
            printError("tidemark: writing failed with \(errnoName(errno))")
            throw FileExit.failed.code
        }
    }
}

func printError(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(2, bytes, bytes.count)
}
