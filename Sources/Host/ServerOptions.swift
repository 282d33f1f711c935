extension Server {
    /// What a server is started with.
    package struct Options: Sendable {
        package var configuration: Configuration
        /// Where plugin manifests are searched first: `--plugins`, else `KES_PLUGINS`, else the configuration's.
        package var pluginDirectory: String?
        package var limits = TransportLimits()
        package var certificateSchedule = CertificateSchedule()
        package var eventLoopCount = Processors.usable
        /// File descriptors for audit events and for the error log.
        package var standardOutput: Int32 = 1
        package var standardError: Int32 = 2

        package init(configuration: Configuration) {
            self.configuration = configuration
        }
    }
}
