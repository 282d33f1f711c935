import Foundation
import PluginAPI
import PluginKit

/// An instance of a keystore, driven through the functions of its table as the server drives it.
///
/// A result other than the ABI's OK, EXISTS and NOT_FOUND comes with the message for the operator.
final class OpenKeystore: @unchecked Sendable {
    // `@unchecked Sendable` holds because the ABI allows calls from several threads, `table` and `host` are never written
    // after `init`, and `log` is a lock.
    let table: UnsafePointer<keswick_keystore>
    private let instance: OpaquePointer
    private let host: UnsafeMutablePointer<keswick_host>
    private let log: Log

    /// What a call that was not OK answered.
    struct Failure: Error, Equatable, CustomStringConvertible {
        let result: Int32
        let message: String
        var description: String { "result \(result): \(message)" }
    }

    private final class Log: Sendable {
        let lines = Lock<[String]>([])
    }

    /// Opens the backend's store in `directory`, or with a configuration given as JSON.
    convenience init(_ backend: Backend, in directory: borrowing TemporaryDirectory) throws {
        try self.init(backend, configuration: backend.configuration(in: directory))
    }

    convenience init(_ backend: Backend, configuration: String, timeout: Duration = .seconds(60)) throws {
        try self.init(backend.table(), configuration: configuration, timeout: timeout)
    }

    init(_ table: UnsafePointer<keswick_keystore>, configuration: String, timeout: Duration = .seconds(60)) throws {
        self.table = table
        log = Log()
        host = .allocate(capacity: 1)
        host.initialize(
            to: keswick_host(
                size: MemoryLayout<keswick_host>.size, context: Unmanaged.passUnretained(log).toOpaque(),
                log: { context, _, message in
                    // The context is the `Log` that the keystore's owner keeps until after close().
                    guard let context else { return }
                    Unmanaged<Log>.fromOpaque(context).takeUnretainedValue().lines.withLock { $0.append(message.text) }
                }))
        var opened: OpaquePointer?
        do {
            try OpenKeystore.call(timeout) { [table, host] call in
                Array(configuration.utf8).withBytes { table.pointee.open($0, host, call, &opened) }
            }
        } catch {
            host.deallocate()
            throw error
        }
        guard let opened else { throw TestFailure("open() gave no instance") }
        instance = opened
    }

    deinit {
        table.pointee.close(instance)
        host.deallocate()
    }

    /// What the keystore wrote to the server's log.
    var logLines: [String] { log.lines.withLock { $0 } }

    func create(_ name: String, _ value: [UInt8], timeout: Duration = .seconds(60)) throws {
        try OpenKeystore.call(timeout) { call in
            Array(name.utf8).withBytes { name in value.withBytes { table.pointee.create(instance, call, name, $0) } }
        }
    }

    func get(_ name: String, timeout: Duration = .seconds(60)) throws -> [UInt8] {
        var written: [[UInt8]] = []
        try OpenKeystore.call(timeout) { call in
            Array(name.utf8).withBytes { name in
                OpenKeystore.collecting(&written) { table.pointee.get(instance, call, name, $0) }
            }
        }
        guard written.count == 1 else { throw TestFailure("get() wrote \(written.count) values") }
        return written[0]
    }

    func delete(_ name: String, timeout: Duration = .seconds(60)) throws {
        try OpenKeystore.call(timeout) { call in
            Array(name.utf8).withBytes { table.pointee.remove(instance, call, $0) }
        }
    }

    func list(
        prefix: String = "", after: String = "", limit: Int = 1_000_000, timeout: Duration = .seconds(60)
    ) throws -> [String] {
        var written: [[UInt8]] = []
        try OpenKeystore.call(timeout) { call in
            Array(prefix.utf8).withBytes { prefix in
                Array(after.utf8).withBytes { after in
                    OpenKeystore.collecting(&written) { table.pointee.list(instance, call, prefix, after, limit, $0) }
                }
            }
        }
        return written.map { String(decoding: $0, as: UTF8.self) }
    }

    /// All names, a page at a time.
    func listAll(page: Int, prefix: String = "") throws -> [String] {
        var names: [String] = []
        while true {
            let next = try list(prefix: prefix, after: names.last ?? "", limit: page)
            names += next
            if next.count < page { return names }
        }
    }

    func status(timeout: Duration = .seconds(60)) throws {
        try OpenKeystore.call(timeout) { table.pointee.status(instance, $0) }
    }

    /// Makes a call with a deadline and an error sink, and throws its result when it is not OK.
    private static func call(_ timeout: Duration, _ body: (UnsafePointer<keswick_call>) -> keswick_result) throws {
        var messages: [[UInt8]] = []
        let result = collecting(&messages) { sink in
            var now = timespec()
            clock_gettime(CLOCK_MONOTONIC, &now)
            let wait = Int64(timeout / .nanoseconds(1))
            let deadline = UInt64(Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec) + wait)
            var call = keswick_call(size: MemoryLayout<keswick_call>.size, deadline: deadline, error: sink)
            return body(&call)
        }
        guard result != KESWICK_OK else { return }
        if messages.count > 1 { throw TestFailure("\(messages.count) error messages for one call") }
        throw Failure(result: result, message: messages.first.map { String(decoding: $0, as: UTF8.self) } ?? "")
    }

    /// Passes a sink that appends to `written`.
    private static func collecting(_ written: inout [[UInt8]], _ body: (keswick_sink) -> keswick_result) -> keswick_result {
        withUnsafeMutablePointer(to: &written) { written in
            // The context is `written`, which outlives the call.
            body(
                keswick_sink(context: written) { context, bytes in
                    context?.assumingMemoryBound(to: [[UInt8]].self).pointee.append(bytes.array)
                })
        }
    }
}

extension keswick_bytes {
    var array: [UInt8] { Array(UnsafeBufferPointer(start: data, count: size)) }
    var text: String { String(decoding: array, as: UTF8.self) }
}

extension Array where Element == UInt8 {
    func withBytes<R>(_ body: (keswick_bytes) -> R) -> R {
        withUnsafeBufferPointer { body(keswick_bytes(data: $0.baseAddress, size: $0.count)) }
    }

    /// The value that `keystore-driver` stores.
    static func driverValue(size: Int) -> [UInt8] { (0..<size).map { UInt8((7 * $0 + size) % 251) } }
}

/// The result of a call: `KESWICK_OK` when it returns.
func result(_ body: () throws -> Void) throws -> Int32 {
    do {
        try body()
        return KESWICK_OK
    } catch let failure as OpenKeystore.Failure { return failure.result }
}

/// What a call that must fail answered.
func failure(_ body: () throws -> Void) throws -> OpenKeystore.Failure {
    do {
        try body()
    } catch let failure as OpenKeystore.Failure { return failure }
    throw TestFailure("the call was OK")
}
