import Glibc
import NIOConcurrencyHelpers
import PluginAPI

/// The services of the host for one instance: a log that is checked.
final class TestHost: @unchecked Sendable {
    // `@unchecked Sendable` holds because the structure is written in `init` only.
    private struct State {
        var levels: [Int32] = []
        var isOver = false
    }

    private let session: Session
    private let structure: UnsafeMutablePointer<keswick_host>
    private let state = NIOLockedValueBox(State())

    init(session: Session) {
        self.session = session
        structure = .allocate(capacity: 1)
        structure.initialize(
            to: keswick_host(
                size: MemoryLayout<keswick_host>.size, context: nil,
                log: { context, level, message in
                    guard let context else { return }
                    // The plugin hands back the context of the instance, which keeps this object until the check ends.
                    Unmanaged<TestHost>.fromOpaque(context).takeUnretainedValue().log(level, message)
                }))
        structure.pointee.context = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit { structure.deallocate() }

    var pointer: UnsafePointer<keswick_host> { UnsafePointer(structure) }
    var levels: [Int32] { state.withLockedValue { $0.levels } }

    /// The instance is closed: nobody may log through it any more.
    func end() { state.withLockedValue { $0.isOver = true } }

    private func log(_ level: Int32, _ message: keswick_bytes) {
        let bytes = message.data.map { Array(UnsafeBufferPointer(start: $0, count: max(message.size, 0))) } ?? []
        let isOver = state.withLockedValue { state in
            if state.levels.count < 1000 { state.levels.append(level) }
            return state.isOver
        }
        session.expect(!isOver, .closeReleases, "a line was logged after close() had returned")
        session.expect((0...3).contains(level), .messages, "a line was logged at level \(level), which is none of KESWICK_LOG_*")
        session.expect(
            message.size >= 0, .messages, "a line of \(UInt(bitPattern: message.size)) bytes was logged, more than there can be")
        session.expect(String(validating: bytes, as: UTF8.self) != nil, .messages, "a line was logged that is not UTF-8")
        if bytes.withUnsafeBytes(session.marker.isFound) { session.fail(.secrets, "a log line holds a part of a value") }
    }
}
