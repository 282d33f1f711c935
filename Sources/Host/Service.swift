import Glibc

/// Runs a server as a process does: until a signal ends it.
package enum Service {
    /// Starts a server, and returns when SIGINT or SIGTERM has stopped it. One that comes before the server listens ends the process at once: a
    /// keystore may take long to open. So does a second SIGINT. A second SIGTERM changes nothing: supervisors that signal a process and its
    /// group send two, and requests in flight are to be finished. To be called in a process that is hardened.
    ///
    /// - Parameters:
    ///   - options: What to start.
    ///   - reload: Reads the configuration again, on SIGHUP; nil when there is no file to read.
    ///   - started: Called when the server listens.
    package static func run(
        _ options: Server.Options, reload: (() throws -> Configuration)? = nil, started: (_ server: Server) -> Void
    ) throws {
        let signals = try SignalWatcher()
        signals.watch(SIGHUP, once: false)
        let server = try Server.start(options)
        signals.watch(SIGINT, once: true)
        signals.watch(SIGTERM, once: false)
        started(server)
        do {
            try ServiceManager.tellReady(at: getenv("NOTIFY_SOCKET").map { String(cString: $0) })
        } catch {
            server.logs.logger.error("\(error)")
        }
        // Not at once: the first clients would wait for what they need to be mapped again. Without a thread the memory is not given back.
        _ = DetachedThread.start("kes-trim") {
            sleep(2)
            ProgramText.releaseUnused()
        }
        while true {
            switch signals.next() {
            case SIGHUP: hangUp(server, reload)
            default:
                // Whoever sits at the terminal need not wait, after a SIGTERM either.
                signal(SIGINT, SIG_DFL)
                return server.stop()
            }
        }
    }

    /// A configuration that cannot be used changes nothing, and is reported.
    private static func hangUp(_ server: Server, _ reload: (() throws -> Configuration)?) {
        let logger = server.logs.logger
        guard let reload else { return logger.warning("SIGHUP was ignored: there is no configuration file to reload") }
        do {
            try server.reload(reload())
        } catch {
            server.figures.reloaded(successfully: false)
            logger.error("the configuration was not reloaded, the server goes on with the old one: \(error)")
        }
    }
}
