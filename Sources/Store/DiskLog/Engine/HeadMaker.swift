/// Makes the heads of a log's files.
struct HeadMaker: Sendable {
    /// What new files get.
    var head: LogHead
    let log: String
    let node: String
    let format: LogFormat
    private var made = 0

    init(_ head: LogHead, log: String, node: String, format: LogFormat) {
        self.head = head
        self.log = log
        self.node = node
        self.format = format
    }

    /// The head of file `number`; nil if it gets none.
    ///
    /// - Parameter given: used this once in the place of the log's own.
    /// - Throws: `.invalidHeader`.
    mutating func make(_ given: LogHead? = nil, file number: Int) throws(StoreError) -> [UInt8]? {
        let context = LogHead.Context(
            log: log, node: node, fileNumber: number, timeMilliseconds: WallClock.nowMilliseconds,
            sequence: made + 1)
        let bytes = try (given ?? head).bytes(format, context)
        made += 1
        return bytes
    }
}
