#if !FUZZER
    import TestSupport

    @main
    enum Replay {
        static func main() { replay(fuzzJournals) }
    }
#endif
