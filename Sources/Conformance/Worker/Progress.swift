import Glibc
import Synchronization

/// Which function of the plugin was called last: kept in memory that outlives the process, so that the runner can say where it
/// crashed or hung.
final class Progress: @unchecked Sendable {
    // `@unchecked Sendable` holds because the only shared memory is an atomic.

    enum Function: UInt64, Sendable {
        case none, dlopen, entryPoint, open, close, create, get, remove, list, status

        var name: String {
            switch self {
            case .none: "no function"
            case .dlopen: "the library's constructors"
            case .entryPoint: "keswick_keystore_plugin()"
            default: "\(self)()"
            }
        }
    }

    private let shared: UnsafeMutablePointer<Atomic<UInt64>>
    private static let size = MemoryLayout<Atomic<UInt64>>.size

    /// Maps the beginning of a file that the runner made; nil when that fails.
    init?(file: String) {
        let descriptor = Glibc.open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        defer { Glibc.close(descriptor) }
        guard ftruncate(descriptor, off_t(Self.size)) == 0,
            let memory = mmap(nil, Self.size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), memory != MAP_FAILED
        else { return nil }
        // Zeros are an atomic's zero, and the mapping is aligned to a page.
        shared = memory.bindMemory(to: Atomic<UInt64>.self, capacity: 1)
    }

    deinit { munmap(shared, Self.size) }

    func enter(_ function: Function) { shared.pointee.store(function.rawValue, ordering: .relaxed) }

    var last: Function { Function(rawValue: shared.pointee.load(ordering: .relaxed)) ?? .none }
}
