import Glibc
import SecureBytes

/// What goes over the sockets between the server and a plugin's process: a kind, numbers, and two runs of bytes.
///
/// Both ends are the same program, but what comes from the plugin's process is trusted no more than the plugin: sizes are limited
/// before anything is allocated, and contents are checked by whoever reads them.
struct Frame: Sendable {
    enum Kind: UInt32, Sendable {
        // To the plugin's process.
        case load, open, create, get, delete, list, status, close
        // From it. `result` answers all of the above; its `code` is 0, or that of a `KeystoreFailure.Kind`.
        case result, log
    }

    var kind: Kind
    var code: UInt32 = 0
    var deadline: UInt64 = 0
    var limit: UInt64 = 0
    /// The number of a question; its answer has the same one, so that none is taken for that of another.
    var sequence: UInt64 = 0
    /// A name, a prefix, a message, a manifest.
    var text = ""
    /// A value, a configuration, names, a position; wiped when the last reference goes.
    var payload = SecretBytes.empty

    /// No text or payload is longer: not a value, and not a page of 30,000 names.
    static let sizeLimit = 4 << 20
    private static let headerSize = 40

    /// The frame as bytes, to be wiped.
    func encoded() -> SecretBytes {
        let text = Array(text.utf8)
        return SecretBytes(count: Self.headerSize + text.count + payload.count) { bytes in
            bytes.storeBytes(of: kind.rawValue, toByteOffset: 0, as: UInt32.self)
            bytes.storeBytes(of: code, toByteOffset: 4, as: UInt32.self)
            bytes.storeBytes(of: UInt32(text.count), toByteOffset: 8, as: UInt32.self)
            bytes.storeBytes(of: UInt32(payload.count), toByteOffset: 12, as: UInt32.self)
            bytes.storeBytes(of: deadline, toByteOffset: 16, as: UInt64.self)
            bytes.storeBytes(of: limit, toByteOffset: 24, as: UInt64.self)
            bytes.storeBytes(of: sequence, toByteOffset: 32, as: UInt64.self)
            UnsafeMutableRawBufferPointer(rebasing: bytes[Self.headerSize...]).copyBytes(from: text)
            payload.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(rebasing: bytes[(Self.headerSize + text.count)...]).copyMemory(from: $0)
            }
        }
    }

    /// Whether this is the answer to that question.
    func answers(_ question: Frame) -> Bool { kind == .result && sequence == question.sequence }

    /// This frame, as the answer to that question.
    func answering(_ question: Frame) -> Frame {
        var answer = self
        answer.sequence = question.sequence
        return answer
    }
}

// In an extension, so that the structure keeps its memberwise initialiser.
extension Frame {
    /// Reads a frame with `read`, which fills the whole buffer or returns false. Nil at the end, or when it is none of ours.
    init?(reading read: (UnsafeMutableRawBufferPointer) -> Bool) {
        var header = [UInt8](repeating: 0, count: Self.headerSize)
        guard header.withUnsafeMutableBytes(read) else { return nil }
        let numbers = header.withUnsafeBytes { header in
            (
                kind: header.loadUnaligned(fromByteOffset: 0, as: UInt32.self),
                code: header.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                text: Int(header.loadUnaligned(fromByteOffset: 8, as: UInt32.self)),
                payload: Int(header.loadUnaligned(fromByteOffset: 12, as: UInt32.self)),
                deadline: header.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                limit: header.loadUnaligned(fromByteOffset: 24, as: UInt64.self),
                sequence: header.loadUnaligned(fromByteOffset: 32, as: UInt64.self)
            )
        }
        guard let kind = Kind(rawValue: numbers.kind), numbers.text <= Self.sizeLimit, numbers.payload <= Self.sizeLimit else {
            return nil
        }
        var text = [UInt8](repeating: 0, count: numbers.text)
        guard text.withUnsafeMutableBytes(read) else { return nil }
        var isWhole = true
        let payload = SecretBytes(count: numbers.payload) { isWhole = read($0) }
        guard isWhole else { return nil }
        self.init(
            kind: kind, code: numbers.code, deadline: numbers.deadline, limit: numbers.limit, sequence: numbers.sequence,
            text: String(decoding: text, as: UTF8.self), payload: payload)
    }
}

extension KeystoreFailure.Kind {
    private static let all: [KeystoreFailure.Kind] = [
        .exists, .notFound, .invalid, .unreachable, .timeout, .denied, .corrupt, .internal,
    ]

    /// The number in a frame, from 1.
    var frameCode: UInt32 { UInt32((Self.all.firstIndex(of: self) ?? Self.all.count - 1) + 1) }

    init(frameCode: UInt32) {
        let index = Int(frameCode) - 1
        self = Self.all.indices.contains(index) ? Self.all[index] : .internal
    }
}
