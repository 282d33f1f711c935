/// What a plugin's table says about it. Comes from its own process as a frame's text.
struct PluginDescription: Equatable, Sendable {
    var name: String
    var version: String
    var abiVersion: UInt32
    var isSerial: Bool
    var isDurable: Bool

    var text: String {
        [name, version, "\(abiVersion)", isSerial ? "serial" : "", isDurable ? "durable" : ""].joined(separator: "\0")
    }

    /// For people: what the server relies on.
    var summary: String {
        "'\(name)' for interface \(abiVersion), \(isSerial ? "serial" : "parallel"), \(isDurable ? "durable" : "not durable")"
    }

    init(name: String, version: String, abiVersion: UInt32, isSerial: Bool, isDurable: Bool) {
        self.name = name
        self.version = version
        self.abiVersion = abiVersion
        self.isSerial = isSerial
        self.isDurable = isDurable
    }

    init?(text: String) {
        let parts = text.split(separator: "\0", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 5, PluginManifest.isValidName(parts[0]), let abiVersion = UInt32(parts[2]) else { return nil }
        // A version is text from the plugin, also when its own process has looked at it.
        var version = parts[1]
        version = version.withUTF8 { OperatorText.decode(UnsafeRawBufferPointer($0)) }
        self.init(
            name: parts[0], version: version, abiVersion: abiVersion, isSerial: parts[3] == "serial",
            isDurable: parts[4] == "durable")
    }
}
