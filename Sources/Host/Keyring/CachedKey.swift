import Envelope

/// A key in the cache, and when it came there and was used last.
struct CachedKey {
    let key: Key
    let readAt: MonotonicTime
    var usedAt: MonotonicTime
    /// When the keystore was asked last whether this is still the key: when it was read, or since.
    var checkedAt: MonotonicTime
    /// Whether the keystore may hold another key meanwhile. Then it has to be asked, as long as it answers.
    var isDoubtful = false

    init(_ key: Key, at now: MonotonicTime) {
        self.key = key
        readAt = now
        usedAt = now
        checkedAt = now
    }

    /// Whether the key may be used no more, online or offline.
    ///
    /// Mutating although it changes nothing: the dictionary then lends the value in place instead of copying it, and the sweep
    /// touches no key object.
    mutating func isExpired(_ lifetime: KeyLifetime, at now: MonotonicTime) -> Bool {
        !lifetime.isCurrent(self, at: now) && !lifetime.isUsableOffline(self, at: now)
    }
}

/// How long cached keys may be used. Zero switches a limit off, except `offline`, where it switches that mode off.
struct KeyLifetime: Sendable {
    private let any: UInt64
    private let unused: UInt64
    private let offline: UInt64

    init(_ expiry: CacheExpiry) {
        any = expiry.any > .zero ? expiry.any.wholeNanoseconds : .max
        unused = expiry.unused > .zero ? expiry.unused.wholeNanoseconds : .max
        offline = expiry.offline.wholeNanoseconds
    }

    var hasOfflineMode: Bool { offline > 0 }

    /// Whether the key may be used without the keystore being asked.
    func isUsable(_ cached: CachedKey, at now: MonotonicTime, isOutOfReach: Bool) -> Bool {
        guard isOutOfReach else { return !cached.isDoubtful && isCurrent(cached, at: now) }
        return isCurrent(cached, at: now) || isUsableOffline(cached, at: now)
    }

    /// Whether the key may be used while the keystore can be reached, unless it is in doubt.
    func isCurrent(_ cached: CachedKey, at now: MonotonicTime) -> Bool {
        Self.age(cached.readAt, now) < any && Self.age(cached.usedAt, now) < unused
    }

    /// Whether the key may be used while the keystore is out of reach, whatever the other limits say.
    func isUsableOffline(_ cached: CachedKey, at now: MonotonicTime) -> Bool {
        Self.age(cached.readAt, now) < offline
    }

    /// Nanoseconds. A thread that looked at the clock just before another one wrote an entry must not see a huge age.
    private static func age(_ since: MonotonicTime, _ now: MonotonicTime) -> UInt64 {
        now > since ? now.nanoseconds - since.nanoseconds : 0
    }
}
