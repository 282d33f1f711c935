/// What the command line says about a server.
struct ServerOptions: Sendable {
    /// Where to listen, as written; wins over the file.
    var address: String?
    /// Path of the configuration file.
    var configurationFile: String?
    /// Keys in memory and a certificate that is made on the spot, for trying things out.
    var isDevelopment: Bool
    /// Validate the configuration and exit.
    var isCheck: Bool
    /// Print no banner.
    var isQuiet = false
    /// Where plugin manifests live.
    var pluginDirectory: String?
    var deprecated: Deprecated

    /// Old flags. They work still, with a warning for each.
    struct Deprecated: Sendable {
        /// Path of the private key; wins over the file.
        var privateKeyFile: String?
        /// Path of the certificate; wins over the file.
        var certificateFile: String?
        /// Whether clients need a certificate of a trusted authority; wins over the file.
        var authentication: Bool?
        /// The admin identity, as written; wins over the file.
        var admin: String?
        /// The port to listen on; wins over the file's.
        var port: Int?
        /// Whether memory was to be locked, which is done in any case.
        var locksMemory = false

        /// The members of the file that the flags stand for: whoever starts a server with them may not have put them there.
        var replaced: Set<String> {
            var replaced: Set<String> = []
            if privateKeyFile != nil { replaced.insert("tls.key") }
            if certificateFile != nil { replaced.insert("tls.cert") }
            if admin != nil { replaced.insert("admin.identity") }
            return replaced
        }

        /// What to tell the user about each flag that was given.
        var warnings: [String] {
            var warnings: [String] = []
            func deprecate(_ flag: String, _ isGiven: Bool, _ replacement: String) {
                if isGiven { warnings.append("\(flag) is deprecated: use \(replacement)") }
            }
            deprecate("--key", privateKeyFile != nil, "tls.key in the configuration file")
            deprecate("--cert", certificateFile != nil, "tls.cert in the configuration file")
            deprecate("--auth", authentication != nil, "tls.auth in the configuration file")
            deprecate("--root", admin != nil, "admin.identity in the configuration file")
            deprecate("--port", port != nil, "--addr")
            if locksMemory {
                warnings.append(
                    "--mlock is deprecated: memory is locked without it, where the system permits; the banner says whether it is")
            }
            return warnings
        }
    }
}
