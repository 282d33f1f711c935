// swift-tools-version: 6.2
import PackageDescription

// The targets are the architecture: each wall between rooms that docs/architecture.md names is a missing dependency here.
let package = Package(
    name: "keswick",
    products: [
        .executable(name: "kes", targets: ["kes"]),
        // With the modules whose types its calls take and give: `APIKey`, `SecretBytes`.
        .library(name: "KESClient", targets: ["KESClient", "Credentials", "SecureBytes"]),
        .library(name: "PluginKit", targets: ["PluginKit"]),
        // One shared library per keystore, loaded by the server with dlopen.
        .library(name: "MemStore", type: .dynamic, targets: ["MemStore"]),
        .library(name: "FSStore", type: .dynamic, targets: ["FSStore"]),
        .library(name: "SQLiteStore", type: .dynamic, targets: ["SQLiteStore"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        // No new minor version by itself: HTTP1Parser uses CNIOLLHTTP, which swift-nio does not promise to keep.
        .package(url: "https://github.com/apple/swift-nio.git", .upToNextMinor(from: "2.101.2")),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        // Of which AsyncHTTPClient throws errors.
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
    ],
    targets: [
        // System libraries, each as one module.
        .systemLibrary(name: "CLibcrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNghttp2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CFileSystem"),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        // The border to plugins: one C header, and Swift on top of it.
        .systemLibrary(name: "PluginAPI"),
        .target(name: "PluginKit", dependencies: ["PluginAPI"]),

        // Pure functions over bytes.
        .target(name: "SecureBytes", dependencies: ["CLibcrypto"]),
        .target(name: "Envelope", dependencies: ["CLibcrypto", "SecureBytes"]),
        .target(name: "Credentials", dependencies: ["CLibcrypto", "SecureBytes"]),

        // The server.
        .target(
            name: "Host",
            dependencies: [
                "CLibcrypto", "CNghttp2", "CLinux", "Credentials", "Envelope", "CYAML", "CZlib", "PluginAPI", "SecureBytes",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),

        // What the plugin interface demands, as checks that load a plugin in processes of their own.
        .target(
            name: "Conformance",
            dependencies: ["CLinux", "PluginAPI", .product(name: "NIOConcurrencyHelpers", package: "swift-nio")]),

        // The client and the command line.
        .target(
            name: "KESClient",
            dependencies: [
                "CLinux", "Credentials", "CZlib", "SecureBytes",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]
        ),
        .executableTarget(
            name: "kes",
            dependencies: [
                "CLinux", "Conformance", "Host", "KESClient", "Credentials", "SecureBytes",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            // All symbols are bound at the start: with lazy binding the dynamic linker saves vector registers on the stack at the first
            // call of a function, and what it saved there held part of a secret that was being encoded.
            // Memory is wiped before it is given back (WipedHeap.swift).
            linkerSettings: [
                .unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now", "-Xlinker", "--wrap=free", "-Xlinker", "--wrap=realloc"])
            ]
        ),

        .executableTarget(name: "example-data-keys", dependencies: ["Credentials", "KESClient"], path: "examples/DataKeys"),

        // The keystores. They know the border only: nothing of the server.
        .target(name: "MemStore", dependencies: ["PluginKit"], path: "Plugins/MemStore"),
        .target(name: "FSStore", dependencies: ["PluginKit", "CFileSystem"], path: "Plugins/FSStore"),
        .target(name: "SQLiteStore", dependencies: ["PluginKit", "CSQLite"], path: "Plugins/SQLiteStore"),

        // The tests. ServerTests, CommandLineTests and SmokeTests drive the built `kes` as a process of its own.
        .target(name: "TestSupport", dependencies: ["CLinux", "Credentials", "SecureBytes"], path: "Tests/TestSupport"),
        .testTarget(name: "SecureBytesTests", dependencies: ["SecureBytes"]),
        .testTarget(
            name: "EnvelopeTests", dependencies: ["Envelope", "SecureBytes"], resources: [.copy("kes-formats.json")]),
        .testTarget(name: "CredentialsTests", dependencies: ["Credentials", "SecureBytes", "TestSupport"]),
        .testTarget(
            name: "PluginTests",
            // The keystores are no dependencies: the tests load the built libraries with dlopen, as the server does.
            dependencies: ["PluginAPI", "PluginKit", "CSQLite"]),
        .executableTarget(name: "keystore-driver", path: "Tests/keystore-driver"),
        .testTarget(
            name: "HostTests",
            dependencies: [
                "CLinux", "Host", "Envelope", "Credentials", "PluginAPI", "SecureBytes", "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            // Plugins in C that the tests compile themselves.
            exclude: ["Fixtures"]),
        .testTarget(
            name: "ServerTests",
            dependencies: [
                "Credentials", "KESClient", "SecureBytes", "TestSupport",
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        .testTarget(
            name: "KESClientTests",
            dependencies: [
                "Credentials", "KESClient", "SecureBytes", "TestSupport", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ]),
        .testTarget(
            name: "CommandLineTests", dependencies: ["Credentials", "Envelope", "KESClient", "SecureBytes", "TestSupport"],
            // What screens have to look like.
            exclude: ["Golden"]),
        // Its fixture is a plugin in C, which the tests compile themselves.
        .testTarget(name: "ConformanceTests", dependencies: ["TestSupport"], exclude: ["Fixtures"]),
        .testTarget(name: "DocumentationTests", dependencies: ["Host", "TestSupport"]),
        .testTarget(name: "SmokeTests", dependencies: ["KESClient", "SecureBytes", "TestSupport"]),
    ],
    swiftLanguageModes: [.v6]
)
