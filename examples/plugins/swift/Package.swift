// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "logfile",
    products: [.library(name: "logfile", type: .dynamic, targets: ["Logfile"])],
    dependencies: [
        // PluginKit and the interface's header, which `kes plugin new` has put here.
        .package(path: "vendor/keswick-plugin-kit")
    ],
    targets: [
        .target(name: "Logfile", dependencies: [.product(name: "PluginKit", package: "keswick-plugin-kit")])
    ],
    swiftLanguageModes: [.v6]
)
