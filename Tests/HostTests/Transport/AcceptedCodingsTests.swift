import Host
import Testing

/// RFC 9110, section 12.5.3.
@Suite struct AcceptedCodingsTests {
    @Test(arguments: [
        ["gzip"], ["GZip"], ["x-gzip"], ["deflate, gzip, br, zstd"], ["gzip;q=0.001"], ["gzip ; q=1.000"], ["gzip;Q=0.5, *;q=0"],
        ["br", "gzip"], ["identity;q=0.5, gzip"], ["identity;q=0,\tgzip;q=0.1"], [" ,, gzip ,"], ["gzip;q=0", "gzip"],
    ])
    func gzipIsPreferred(lines: [String]) {
        #expect(prefersGzip(lines))
    }

    @Test(arguments: [
        [], [""], ["*"], ["deflate"], ["gzip;q=0"], ["gzip;q=0.000"], ["gzip;q=2"], ["gzip;q=1.001"], ["gzip;q=0.1234"],
        ["gzip;q=.5"], ["gzip;q=-1"], ["gzip;q=0.+1"], ["gzip;q=0.5;x=1"], ["gzip;level=1"], ["gzip;q"], ["gzip;q=1 gzip"],
        ["gzip;q=1.0.0"], ["gzip;q=0,5"],
        ["gzip" + String(repeating: " ", count: 260)], ["gzip", String(repeating: ",", count: 253)],
        ["identity, gzip;q=0.9"], ["gzips"], ["gzip", "gzip;q=0"], ["g\u{7A}\u{200D}ip"],
    ])
    func gzipIsNotPreferred(lines: [String]) {
        #expect(!prefersGzip(lines))
    }

    private func prefersGzip(_ lines: [String]) -> Bool {
        var codings = AcceptedCodings()
        for line in lines { Array(line.utf8).withUnsafeBytes { codings.add($0) } }
        return codings.prefersGzip
    }
}
