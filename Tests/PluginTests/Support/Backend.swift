import Foundation
import PluginAPI

/// One of the keystores in this repository, as the built library that the server would load.
enum Backend: String, CaseIterable, Sendable {
    case mem
    case fs
    case sqlite

    /// Those that keep values across processes.
    static let durable: [Backend] = [.fs, .sqlite]

    var library: String {
        switch self {
        case .mem: "libMemStore.so"
        case .fs: "libFSStore.so"
        case .sqlite: "libSQLiteStore.so"
        }
    }

    /// A configuration that keeps everything inside `directory`.
    func configuration(in directory: borrowing TemporaryDirectory) -> String {
        switch self {
        case .mem: "{}"
        case .fs: #"{"path":"\#(directory.path)/keys"}"#
        case .sqlite: #"{"path":"\#(directory.path)/keys.db"}"#
        }
    }

    /// The table that the library's entry point gives.
    func table() throws -> UnsafePointer<keswick_keystore> {
        let path = BuiltProducts.directory + "/" + library
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw TestFailure("cannot load \(path): \(String(cString: dlerror()))")
        }
        guard let symbol = dlsym(handle, KESWICK_ENTRY_SYMBOL) else { throw TestFailure("\(path) has no entry point") }
        // The header declares the symbol as a function of this type.
        typealias Entry = @convention(c) () -> UnsafePointer<keswick_keystore>?
        guard let table = unsafeBitCast(symbol, to: Entry.self)() else { throw TestFailure("\(path) gave no table") }
        return table
    }
}

/// Where the package's products were built: beside the program that runs the tests.
enum BuiltProducts {
    static let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
}

/// Something that a test needs is not there.
struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
