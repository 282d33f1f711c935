import Credentials
import Glibc
import Host
import TestSupport
import Testing

/// Certificates are read again from time to time, also where a file's times say nothing.
@Suite(.enabled(if: access("/dev/shm", W_OK) == 0, "needs /dev/shm"))
struct CertificateAgeTests {
    @Test("What was read is 15 minutes old at most")
    func limit() {
        #expect(CertificateSchedule().maximumAge == .minutes(15))
        #expect(CertificateSchedule().interval == .seconds(1))
    }

    /// A mapped page of a file in memory that was written to once can be written to again without any time of the file changing.
    @Test("A certificate is taken into use although nothing about its file has changed")
    func unchangedTimes() throws {
        let deployment = try Deployment()
        let key = try PrivateKey(generating: .ecdsaP256)
        let begin = Int64(time(nil))
        func certificate(validity: Int64) throws -> [UInt8] {
            let template = CertificateTemplate(
                dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], usage: .clientAndServer, notBefore: begin,
                validity: validity)
            let pem = try SelfSignedCertificate(template, key: key).pem
            return pem + [UInt8](repeating: UInt8(ascii: "\n"), count: 2048 - pem.count)
        }
        let (old, new) = (try certificate(validity: 7200), try certificate(validity: 3600))
        try key.pem().withUnsafeBytes { _ = try deployment.directory.write([UInt8]($0), to: "server.key") }
        let file = try MappedFile(old)
        try deployment.configure(keystore: "mem: {}")
        let text = String(decoding: try readFile(deployment.configuration), as: UTF8.self)
        try deployment.directory.write(text.replacing(deployment.serverCertificate, with: file.path), to: "config.yml")
        let server = try RunningServer(deployment) {
            $0.certificateSchedule.interval = .milliseconds(10)
            $0.certificateSchedule.maximumAge = .zero
        }
        let (oldFile, newFile) = (
            try deployment.directory.write(old, to: "old.crt"), try deployment.directory.write(new, to: "new.crt")
        )
        func presents(_ certificate: String) throws -> Bool { try server.get("/version", trusting: certificate).code == 0 }
        func expiry(_ certificate: String) throws -> Int64 {
            let metrics = try server.get("/v1/metrics", trusting: certificate).text.split(separator: "\n")
            let line = try #require(metrics.first { $0.hasPrefix("keswick_tls_certificate_expiry_seconds ") })
            return Int64(try #require(line.split(separator: " ").last.flatMap { Double($0) }))
        }
        #expect(try presents(oldFile) && !presents(newFile))
        let oldExpiry = try expiry(oldFile)
        let before = try file.times
        file.contents = new
        #expect(try file.times == before)
        while try !presents(newFile) {}
        #expect(try !presents(oldFile))
        #expect(try oldExpiry - expiry(newFile) == 7200 - 3600)
    }
}

/// A file in memory, written to through a mapping.
private final class MappedFile {
    let path: String
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ contents: [UInt8]) throws {
        var template = Array("/dev/shm/keswick-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw SystemError("mkstemp", errno) }
        defer { close(descriptor) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard ftruncate(descriptor, off_t(contents.count)) == 0,
            let start = mmap(nil, contents.count, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), start != MAP_FAILED
        else { throw SystemError("mmap", errno) }
        // The mapping is as long as the contents, and lives as long as this object.
        bytes = UnsafeMutableRawBufferPointer(start: start, count: contents.count)
        self.contents = contents
    }

    deinit {
        munmap(bytes.baseAddress, bytes.count)
        unlink(path)
    }

    /// Of the length that it was made with.
    var contents: [UInt8] {
        get { Array(bytes) }
        set { bytes.copyBytes(from: newValue) }
    }

    /// Inode, size, and the times of the last change of contents and of attributes.
    var times: [Int] {
        get throws {
            var status = stat()
            guard stat(path, &status) == 0 else { throw SystemError("stat", errno) }
            return [
                Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
                status.st_ctim.tv_nsec,
            ]
        }
    }
}
