// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
    name: "tidemark",
    products: [
        .executable(name: "tidemark", targets: ["Server"]),
        .library(name: "Store", targets: ["Store"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CMicroHTTPD", pkgConfig: "libmicrohttpd",
            providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(
            name: "CGnuTLS", pkgConfig: "gnutls", providers: [.apt(["libgnutls28-dev"])]),
        .systemLibrary(
            name: "CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),
        .systemLibrary(
            name: "CPMemLog", pkgConfig: "libpmemlog", providers: [.apt(["libpmemlog-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CSnappy", providers: [.apt(["libsnappy-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .target(name: "CLinux"),
        .target(name: "CCRC32C"),
        .target(name: "CPmemEnvironment"),
        .target(name: "API", dependencies: ["CJansson"], swiftSettings: strict),
        .target(
            name: "Store",
            dependencies: [
                "CCRC32C", "CGnuTLS", "CLinux", "CPMemLog", "CSnappy", "CZlib", "CZstd",
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "Server",
            dependencies: [
                "API", "Store", "CGnuTLS", "CLinux", "CMicroHTTPD", "CPmemEnvironment",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
        .testTarget(name: "StyleTests", swiftSettings: strict),
        .executableTarget(
            name: "FuzzTerms", dependencies: ["Store", "TestSupport"], path: "Tests/Fuzz/Terms",
            exclude: ["terms.dict"], swiftSettings: strict),
        .executableTarget(
            name: "FuzzLogs", dependencies: ["Store", "TestSupport"], path: "Tests/Fuzz/Logs",
            exclude: ["logs.dict", "corpus"], swiftSettings: strict),
        .executableTarget(
            name: "FuzzJournals", dependencies: ["Store", "TestSupport"],
            path: "Tests/Fuzz/Journals", exclude: ["journals.dict", "corpus"],
            swiftSettings: strict),
        .executableTarget(
            name: "LogBench", dependencies: ["Store"], path: "Benchmarks/Logs",
            exclude: ["bare.c", "logs.escript"], swiftSettings: strict),
        .executableTarget(
            name: "JournalBench", dependencies: ["Store"], path: "Benchmarks/Journals",
            exclude: ["wiredtiger.c"], swiftSettings: strict),
        .executableTarget(
            name: "MPoolBench", dependencies: ["Store"], path: "Benchmarks/MPool",
            exclude: ["libdb.c"], swiftSettings: strict),
        .executableTarget(
            name: "MPoolTrace", dependencies: ["Store"], path: "Tests/Drivers/MPoolTrace",
            swiftSettings: strict),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "APITests", dependencies: ["API", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "StoreTests", dependencies: ["Store", "CPMemLog", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "ServerTests", dependencies: ["Server", "TestSupport"], swiftSettings: strict),
    ]
)
