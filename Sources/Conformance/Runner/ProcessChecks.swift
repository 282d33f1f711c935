import Glibc

/// The checks that take more than one process.
extension Runner {
    /// Values outlive the process that stored them: the other half of `close.reopen`.
    func checkOtherProcess() throws {
        guard !isVolatile else { return }
        let place = try directories.make(isOnDisk: false)
        defer { directories.remove(place) }
        let prefix = nextNames
        conclude(try start(Procedure.write.rawValue, in: place, prefix: prefix), .reopen)
        conclude(try start(Procedure.verify.rawValue, in: place, prefix: prefix), .reopen)
    }

    func checkProcessRace() throws {
        markChecked(.processRace)
        guard !isVolatile else {
            return findings.append(
                Finding(.skipped, .processRace, "the keystore keeps values in memory: each process has its own"))
        }
        let place = try directories.make(isOnDisk: false)
        defer { directories.remove(place) }
        let prefix = nextNames
        var racers: [WorkerProcess] = []
        defer { for racer in racers { conclude(racer, .processRace) } }
        for _ in 0..<2 {
            let racer = try start(Procedure.race.rawValue, in: place, prefix: prefix)
            racers.append(racer)
            guard let word = racer.nextTold(where: { $0 == "ready" || $0.hasPrefix("refused") }) else { return }
            if word.hasPrefix("refused") {
                // A second process that is kept out cannot race; it has to hear why.
                let isSaid = word.hasPrefix("refused UNREACHABLE") || word.hasPrefix("refused DENIED")
                findings.append(
                    Finding(
                        isSaid && racers.count == 2 ? .skipped : .failed, .processRace,
                        racers.count == 2
                            ? "the keystore admits one process at a time: a second open() was \(word)" : "open() was \(word)"))
                for racer in racers { racer.closeInput() }
                return
            }
        }
        for (number, racer) in racers.enumerated() { racer.send("\(number)") }
        var winners = [[Int]](repeating: [], count: Procedure.raceNames)
        for (number, racer) in racers.enumerated() {
            while let word = racer.nextTold(), word != "done" {
                if let round = Int(word.dropFirst(4)), winners.indices.contains(round) { winners[round].append(number) }
            }
        }
        for racer in racers { racer.send("read") }
        for (reader, racer) in racers.enumerated() {
            while let word = racer.nextTold(), word != "done" {
                let parts = word.split(separator: " ")
                guard parts.count == 3, let round = Int(parts[1]), winners.indices.contains(round),
                    winners[round] != parts[2].wholeNumber
                else { continue }
                fail(
                    .processRace,
                    "create(\"…race-\(round)\") answered OK to \(winners[round].count) of 2 processes "
                        + "(\(winners[round])); process \(reader) reads the value of \(parts[2])")
            }
        }
        for racer in racers { racer.send("end") }
    }

    func fail(_ rule: Rule, _ text: String) {
        if findings.count(where: { $0.rule == rule.id }) < 4 { findings.append(Finding(.failed, rule, text)) }
    }

    // MARK: --durable

    private static let kills = 30

    func checkKills() throws {
        markChecked(.durableKill)
        guard !isVolatile else {
            return findings.append(
                Finding(.skipped, .durableKill, "the keystore keeps values in memory: they end with the process"))
        }
        let place = try directories.make(isOnDisk: true)
        defer { directories.remove(place) }
        var random = SplitMix(seed: options.seed)
        var rounds: [(prefix: String, counts: [Int])] = []
        for _ in 0..<Self.kills {
            let prefix = nextNames
            let counts = try killOneWriter(in: place, prefix: prefix, random: &random)
            rounds.append((prefix, counts))
            try audit(rounds[rounds.count - 1], in: place)
            if findings.contains(where: { $0.kind == .failed }) { return }
        }
        // What had survived one kill survived the others too.
        if place.isFresh { for round in rounds { try audit(round, in: place) } }
    }

    /// Returns how many creates of each thread were answered OK.
    private func killOneWriter(in place: WorkDirectories.Place, prefix: String, random: inout SplitMix) throws -> [Int] {
        let writer = try start(Procedure.fill.rawValue, in: place, prefix: prefix)
        var counts = [Int](repeating: 0, count: isSerial ? 1 : Procedure.threads)
        func count(_ word: String) {
            let parts = word.split(separator: " ")
            if parts.count == 2, parts[0] == "ok", let thread = Int(parts[1]), counts.indices.contains(thread) {
                counts[thread] += 1
            }
        }
        let wanted = 20 + Int(random.next() % 200)
        while counts.reduce(0, +) < wanted, let word = writer.nextTold() { count(word) }
        // Not always right after an answer.
        usleep(UInt32(random.next() % 4000))
        writer.kill()
        let end = writer.wait()
        for word in writer.takeTold() { count(word) }
        take(writer.findings) { $0.kind == .failed }
        if end != .killed(signal: SIGKILL) {
            findings.append(
                Finding(.failed, end == .overdue ? .hang : .crash, "a process that only created names ended with \(end)"))
        }
        return counts
    }

    private func audit(_ round: (prefix: String, counts: [Int]), in place: WorkDirectories.Place) throws {
        let auditor = try start(Procedure.audit.rawValue, in: place, prefix: round.prefix)
        auditor.send(round.counts.map(String.init).joined(separator: " "))
        conclude(auditor, .durableKill)
    }
}

extension WorkerProcess {
    /// The next thing told that fits.
    fileprivate func nextTold(where fits: (String) -> Bool) -> String? {
        while let word = nextTold() {
            if fits(word) { return word }
        }
        return nil
    }
}

extension Substring {
    /// `0` and `1` as the list of that one number; anything else as no winner.
    fileprivate var wholeNumber: [Int] { Int(self).map { [$0] } ?? [] }
}
