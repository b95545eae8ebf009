/// The file of a pool: two pages, the data, and zeros up to its size.
final class ExportStream: ByteStream, @unchecked Sendable {
    // Sendable because only the one network thread of its connection reads it.
    private let pages: [UInt8]
    private let data: PoolByteStream
    private let size: Int
    private var offset = 0
    private var dataHasEnded = false

    init(pages: [UInt8], data: PoolByteStream, size: Int) {
        self.pages = pages
        self.data = data
        self.size = size
    }

    func fetch() { data.fetch() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(size - offset))
        let step = part.isEmpty ? .end : try fill(part)
        if case .bytes(let count) = step { offset += count }
        return step
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(StreamCut) -> StreamStep {
        if offset < pages.count {
            let count = min(buffer.count, pages.count - offset)
            buffer.copyBytes(from: pages[offset..<offset + count])
            return .bytes(count)
        }
        if !dataHasEnded {
            switch try data.read(into: buffer) {
            case .end: dataHasEnded = true
            case let step: return step
            }
        }
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
        return .bytes(buffer.count)
    }
}
