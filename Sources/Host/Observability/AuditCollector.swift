import Credentials
import Envelope
import NIOCore

/// Writes the audit events of one event loop, and passes on together what one turn of the loop brought. Belongs to the loop.
///
/// Each passing on takes a lock and wakes the thread that writes the log, which for a single event costs more than the request that it
/// is about.
final class AuditCollector {
    private let eventLoop: any EventLoop
    private var lines = ByteBuffer()
    private var count = 0
    private var trail: AuditTrail?
    private var clock = SecondText()

    /// Memory that is kept between turns at most.
    private static let keptCapacity = 256 * 1024

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// `{"time":"…","request":{"ip":"…","path":"…","identity":"…"},"response":{"code":200,"time":NANOSECONDS}}` and a newline.
    func record(_ exchange: Exchange, status: Int, duration: TimeAmount, in trail: AuditTrail) {
        guard trail.isWanted else { return }
        if count > 0, self.trail !== trail { flush() }
        let time = trail.now()
        let request = exchange.audited ?? Self.describe(exchange)
        lines.write(atMost: request.readableBytes + Self.room) { line in
            line.put("{\"time\":\"")
            clock.put(time, into: &line)
            line.put("\",\"request\":")
            request.withUnsafeReadableBytes { line.put($0) }
            line.put(",\"response\":{\"code\":")
            line.put(decimal: status)
            line.put(",\"time\":")
            line.put(decimal: Int(duration.nanoseconds))
            line.put("}}\n")
        }
        count += 1
        self.trail = trail
        if count == 1 { eventLoop.assumeIsolated().execute { self.flush() } }
    }

    /// The most bytes of a line beside those of the request: names and punctuation, a time, and two numbers.
    private static let room = 80 + SecondText.room + 2 * ByteCursor.decimalWidth

    /// What a line says of the request. Kept with the exchange: the next request of a connection is often the same.
    private static func describe(_ exchange: Exchange) -> ByteBuffer {
        var text = JSONWriter()
        text.object { request in
            request.member("ip", exchange.address)
            request.member("path", APIKey.masked(in: exchange.path))
            if let identity = exchange.identity {
                identity.withBytes { digest in
                    request.member("identity", plain: 2 * Identity.byteCount) { $0.put(hexadecimal: digest) }
                }
            }
        }
        exchange.audited = text.buffer
        return text.buffer
    }

    /// Passes on what was collected.
    func flush() {
        guard count > 0 else { return }
        trail?.write(lines, count: count)
        trail = nil
        count = 0
        lines.clear()
        if lines.capacity > Self.keptCapacity { lines = ByteBuffer() }
    }
}

/// Writes times as `Timestamp` does, and computes the date once a second.
private struct SecondText {
    /// The most characters of a time.
    static let room = 40

    private var second: Int64?
    private var text = ""

    mutating func put(_ time: Timestamp, into cursor: inout ByteCursor) {
        if second != time.seconds {
            second = time.seconds
            text = String(Timestamp(seconds: time.seconds, nanoseconds: 0).description.dropLast())
        }
        cursor.put(text)
        if time.nanoseconds > 0 {
            var fraction = Int(time.nanoseconds)
            var width = 9
            while fraction % 10 == 0 {
                fraction /= 10
                width -= 1
            }
            cursor.put(UInt8(ascii: "."))
            cursor.put(decimal: fraction, width: width)
        }
        cursor.put(UInt8(ascii: "Z"))
    }
}
