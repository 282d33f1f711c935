import Glibc
import PluginKit
import Testing

/// What PluginKit makes of an `errno`, for all keystores in files.
@Suite struct SystemFailureTests {
    @Test(
        arguments: [
            (EACCES, .denied, "the server's user"), (EPERM, .denied, "the server's user"), (EROFS, .denied, "writable"),
            (ENOSPC, .internal, "make room"), (EDQUOT, .internal, "make room"), (EMFILE, .internal, "limit of open files"),
            (EIO, .unreachable, "check the disk"), (ESTALE, .unreachable, "check the disk"),
        ] as [(Int32, KeystoreError.Kind, String)])
    func aFailureHasItsKindAndARemedy(_ code: Int32, _ kind: KeystoreError.Kind, _ remedy: String) {
        let error = KeystoreError.system("write", "/keys/a", code)
        #expect(error.kind == kind)
        #expect(error.message.hasPrefix("cannot write /keys/a: \(KeystoreError.systemText(code)); "), "\(error.message)")
        #expect(error.message.contains(remedy), "\(error.message)")
    }

    /// A new file of either keystore gets its name by a hard link.
    @Test(arguments: Backend.durable, [EPERM, EOPNOTSUPP, EMLINK])
    func aFileSystemWithoutHardLinksIsToldAsSuch(_ backend: Backend, _ code: Int32) throws {
        var told = 0
        for call in 1...60 {
            let directory = try TemporaryDirectory(inMemory: true)
            let create = "create:key:1"
            let steps =
                backend == .fs ? ["open", "arm:\(call):\(code)", create] : ["arm:\(call):\(code)", "open", "count", create]
            let lines = try Driver.run(backend, configuration: backend.configuration(in: directory), steps).lines
            guard let error = lines.first(where: { $0.hasPrefix("error ") && $0.contains("no hard links") }) else { continue }
            told += 1
            #expect(error.contains("use another file system") && !error.contains("the server's user"), "\(error)")
        }
        #expect(told == 1)
    }

    @Test func anotherErrnoIsSaidInTheSystemsWordsAlone() {
        #expect(KeystoreError.system("read", "/keys", ELOOP) == .internal("cannot read /keys: Too many levels of symbolic links"))
        #expect(KeystoreError.systemText(12345) == "error 12345")
    }

    /// The same failure of the same disk is the same to the server, whichever keystore meets it.
    @Test(
        arguments: Backend.durable,
        [("\(EIO)", KESWICK_UNREACHABLE), ("\(ENOSPC)", KESWICK_INTERNAL), ("\(EROFS)", KESWICK_DENIED)])
    func theKeystoresAgree(_ backend: Backend, _ fault: (code: String, result: Int32)) throws {
        let directory = try TemporaryDirectory(inMemory: true)
        // The first call of each is one on the path that was given.
        let (lines, end) = try Driver.run(
            backend, configuration: backend.configuration(in: directory), ["arm:1:\(fault.code)+", "open"])
        #expect(end == .exited(0))
        #expect(lines.last == "open \(fault.result)", "\(lines)")
        let remedy = try #require(Int32(fault.code).flatMap(KeystoreError.remedy)).remedy
        #expect(lines.contains { $0.hasPrefix("error ") && $0.hasSuffix("; \(remedy)") }, "\(lines)")
    }
}
