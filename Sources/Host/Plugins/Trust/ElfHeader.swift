import Glibc

/// The part of an ELF file's header (System V ABI, "ELF Header") that decides whether this machine can load it.
///
/// The dynamic linker checks much of this too, but its messages do not say what to do, and it maps a file that was cut short
/// without noticing: the process then dies of SIGBUS.
package struct ElfHeader: Equatable, Sendable {
    /// Why a file is not a shared library for this machine.
    package enum Problem: Error, Equatable, Sendable {
        case notElf
        case otherFormat
        case notASharedObject
        case otherMachine(code: UInt16, host: UInt16)
        case truncated
    }

    /// `e_ident[EI_CLASS]`: 1 for 32 bits, 2 for 64 bits.
    private var wordClass: UInt8
    /// `e_ident[EI_DATA]`: 1 for little, 2 for big endian.
    private var byteOrder: UInt8
    private var type: UInt16
    private var machine: UInt16
    /// The least number of bytes that the file must have for its segments.
    private var segmentsEnd: UInt64

    /// Checks that `file` is a whole shared object for the machine that runs this process.
    package static func check(_ file: TrustedFile) throws(PluginError) {
        guard let host = Self.ofThisProcess() else {
            throw .notReadable(
                path: "/proc/self/exe", reason: "the header of the running program is found nowhere else. Mount /proc")
        }
        do {
            let header = try ElfHeader(size: UInt64(max(file.stamp.size, 0))) { offset, buffer throws(PluginError) in
                try file.read(into: buffer, at: offset)
            }
            try header.checkLoadable(on: host, size: UInt64(max(file.stamp.size, 0)))
        } catch let problem as Problem {
            throw .notLoadable(path: file.path, problem)
        } catch let error as PluginError {
            throw error
        } catch {
            throw .notReadable(path: file.path, reason: "\(error)")
        }
    }

    /// The header of the program that runs, which is by definition one for this machine.
    private static func ofThisProcess() -> ElfHeader? {
        let descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return try? ElfHeader(size: .max) { offset, buffer in
            max(pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)), 0)
        }
    }

    private static let headerSize = 64
    private static let programHeaderSize: UInt64 = 56

    /// Reads the header, and the program headers behind it, with `read(offset, buffer) -> count`.
    private init(size: UInt64, read: (Int64, UnsafeMutableRawBufferPointer) throws -> Int) throws {
        var bytes = [UInt8](repeating: 0, count: Self.headerSize)
        let count = try bytes.withUnsafeMutableBytes { try read(0, $0) }
        guard count >= 4, bytes[0..<4] == [0x7f, 0x45, 0x4c, 0x46] else { throw Problem.notElf }
        guard count == Self.headerSize else { throw Problem.truncated }
        wordClass = bytes[4]
        byteOrder = bytes[5]
        let native: UInt8 = 1.littleEndian == 1 ? 1 : 2
        // What follows is laid out for 64 bits in the machine's own byte order; any other file is foreign whatever it says.
        guard wordClass == 2, byteOrder == native, MemoryLayout<Int>.size == 8 else { throw Problem.otherFormat }
        type = bytes.load(UInt16.self, at: 16)
        machine = bytes.load(UInt16.self, at: 18)
        // What was compiled and not linked has no segments.
        guard type != UInt16(ET_REL) else { throw Problem.notASharedObject }
        let table = bytes.load(UInt64.self, at: 32)
        let entrySize = UInt64(bytes.load(UInt16.self, at: 54))
        let entries = UInt64(bytes.load(UInt16.self, at: 56))
        guard entrySize == Self.programHeaderSize, table <= size, entries * entrySize <= size - table else {
            throw Problem.truncated
        }
        var headers = [UInt8](repeating: 0, count: Int(entries * entrySize))
        guard try headers.withUnsafeMutableBytes({ try read(Int64(table), $0) }) == headers.count else { throw Problem.truncated }
        segmentsEnd = 0
        for entry in 0..<Int(entries) {
            let start = entry * Int(entrySize)
            guard headers.load(UInt32.self, at: start) == UInt32(PT_LOAD) else { continue }
            let (end, overflow) = headers.load(UInt64.self, at: start + 8)
                .addingReportingOverflow(headers.load(UInt64.self, at: start + 32))
            guard !overflow else { throw Problem.truncated }
            segmentsEnd = max(segmentsEnd, end)
        }
    }

    private func checkLoadable(on host: ElfHeader, size: UInt64) throws(Problem) {
        guard machine == host.machine else { throw .otherMachine(code: machine, host: host.machine) }
        guard type == UInt16(ET_DYN) else { throw .notASharedObject }
        guard segmentsEnd <= size else { throw .truncated }
    }
}

extension [UInt8] {
    /// Reads an integer in the machine's byte order. The caller has checked that the bytes are there.
    fileprivate func load<Value: BitwiseCopyable>(_ type: Value.Type, at offset: Int) -> Value {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: type) }
    }
}

extension ElfHeader.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notElf: "it is not an ELF shared library. Give the path of the library that the plugin's build made"
        case .otherFormat: "it was built for a machine with another word size or byte order. Install the build for this machine"
        case .notASharedObject: "it is an ELF file but not a shared library. Link it with -shared"
        case .otherMachine(let code, let host):
            "it was built for \(Self.name(code)), but this machine is \(Self.name(host)). Install the build for this machine"
        case .truncated: "it is cut short. Install it again"
        }
    }

    /// The common ones of the registry of `e_machine` values.
    private static func name(_ code: UInt16) -> String {
        switch Int32(code) {
        case EM_386: "x86"
        case EM_ARM: "32-bit ARM"
        case EM_X86_64: "x86-64"
        case EM_AARCH64: "AArch64"
        case EM_PPC64: "PowerPC64"
        case EM_S390: "s390"
        case EM_RISCV: "RISC-V"
        default: "machine \(code)"
        }
    }
}
