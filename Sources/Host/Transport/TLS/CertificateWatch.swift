import Logging
import NIOConcurrencyHelpers
import NIOCore

/// When the files of TLS are looked at.
package struct CertificateSchedule: Sendable {
    /// How often it is looked whether they have changed.
    package var interval: TimeAmount = .seconds(1)
    /// How old what was read may become, whatever the files' times say: some file systems have none that can be relied on.
    package var maximumAge: TimeAmount = .minutes(15)

    package init() {}
}

/// Takes certificates, keys and authorities into use when their files change on the disk.
final class CertificateWatch: Sendable {
    private struct State {
        var configuration: TLS
        var allowsAnonymousClients: Bool
        /// The files as they were before they were read.
        var used: TLSFiles.State
        /// As they were when they were looked at last.
        var seen: TLSFiles.State
        /// As they were when they could not be used.
        var refused: TLSFiles.State?
        var readAt = NIODeadline.now()
        /// Counts configurations: what was read for an earlier one is of no use.
        var generation = 0
    }

    private let listener: Listener
    private let figures: ServerFigures
    private let logger: Logger
    private let state: NIOLockedValueBox<State>

    let schedule: CertificateSchedule

    init(_ loaded: Loaded, schedule: CertificateSchedule, listener: Listener, figures: ServerFigures, logger: Logger) {
        self.schedule = schedule
        self.listener = listener
        self.figures = figures
        self.logger = logger
        state = NIOLockedValueBox(Self.state(loaded))
        figures.certificateExpires(at: loaded.context.expiry)
    }

    /// What a configuration's files hold.
    struct Loaded: Sendable {
        fileprivate var configuration: TLS
        fileprivate var allowsAnonymousClients: Bool
        fileprivate var files: TLSFiles.State
        var context: TLSListenerContext

        /// Reads what a server with this configuration needs. Blocks.
        ///
        /// - Parameter earlier: What it takes the place of.
        init(_ configuration: Configuration, after earlier: TLSListenerContext? = nil) throws(TLSFileError) {
            try self.init(
                configuration.tls, allowsAnonymousClients: RouteTable(configuration).allowsAnonymousClients, after: earlier)
        }

        fileprivate init(
            _ configuration: TLS, allowsAnonymousClients: Bool, after earlier: TLSListenerContext?
        ) throws(TLSFileError) {
            self.configuration = configuration
            self.allowsAnonymousClients = allowsAnonymousClients
            // Looked at first: a change while they are read is then seen as one.
            files = TLSFiles(configuration).state
            context = try TLSListenerContext(
                configuration, allowsAnonymousClients: allowsAnonymousClients, after: earlier)
        }
    }

    /// Takes what another configuration names into use. Blocks.
    func use(_ loaded: Loaded) {
        state.withLockedValue { state in
            let generation = state.generation
            state = Self.state(loaded)
            state.generation = generation + 1
            put(loaded)
        }
        listener.checkClients()
    }

    /// For connections that begin from now on. With `state` locked, so that listener and figure tell of the same certificate.
    private func put(_ loaded: Loaded) {
        figures.certificateExpires(at: loaded.context.expiry)
        listener.use(loaded.context)
    }

    /// Looks at the files, and reads them again if they have changed. Blocks.
    ///
    /// A pair of which one half is written is left alone: nothing is read before two looks have seen the same. What cannot be used
    /// changes nothing and is reported once.
    func check() {
        let old = state.withLockedValue { $0 }
        guard old.configuration.generated == nil else { return }
        let found = TLSFiles(old.configuration).state
        state.withLockedValue { if $0.generation == old.generation { $0.seen = found } }
        let isOld = NIODeadline.now() - old.readAt > schedule.maximumAge
        guard isOld || found != old.used && found != old.refused, found == old.seen else { return }
        do throws(TLSFileError) {
            let loaded = try Loaded(
                old.configuration, allowsAnonymousClients: old.allowsAnonymousClients, after: listener.context)
            let isInForce = state.withLockedValue { state in
                guard state.generation == old.generation else { return false }
                state = Self.state(loaded)
                state.generation = old.generation
                put(loaded)
                return true
            }
            guard isInForce else { return }
            listener.checkClients()
            guard found != old.used else { return }
            logger.info("the TLS files have changed and were read again", metadata: ["expiry": "\(loaded.context.expiryText)"])
        } catch {
            state.withLockedValue { state in
                guard state.generation == old.generation else { return }
                state.refused = found
                state.readAt = .now()
            }
            logger.error("the TLS files have changed and cannot be used, the server goes on with what it has: \(error)")
        }
    }

    private static func state(_ loaded: Loaded) -> State {
        State(
            configuration: loaded.configuration, allowsAnonymousClients: loaded.allowsAnonymousClients, used: loaded.files,
            seen: loaded.files)
    }
}
