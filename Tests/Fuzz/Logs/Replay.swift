#if !FUZZER
    import Glibc

    /// Runs the files that it is given once, such as those that the fuzzer left.
    @main
    enum Replay {
        static func main() {
            for path in CommandLine.arguments.dropFirst() {
                guard let file = fopen(path, "r") else { continue }
                defer { fclose(file) }
                var bytes = [UInt8](repeating: 0, count: 1 << 20)
                let count = fread(&bytes, 1, bytes.count, file)
                _ = bytes.withUnsafeBufferPointer { fuzzLogs($0.baseAddress, count) }
                print("\(path): \(count) bytes, passed")
            }
        }
    }
#endif
