import Glibc

/// Gives the files that the command line names to a fuzzer's function once, such as those that it
/// left.
package func replay(_ test: (UnsafePointer<UInt8>?, Int) -> CInt) {
    for path in CommandLine.arguments.dropFirst() {
        guard let file = fopen(path, "r") else { continue }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        _ = bytes.withUnsafeBufferPointer { test($0.baseAddress, count) }
        print("\(path): \(count) bytes, passed")
    }
}
