import ArgumentParser
import Host
import KESClient

@main struct Kes: ParsableCommand {}
