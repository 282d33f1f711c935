// swift-tools-version: 6.2
import PackageDescription

// What a plugin in Swift is built with: the interface's header as a module, and PluginKit on top of it.
let package = Package(
    name: "keswick-plugin-kit",
    products: [.library(name: "PluginKit", targets: ["PluginKit"])],
    targets: [
        .systemLibrary(name: "PluginAPI"),
        .target(name: "PluginKit", dependencies: ["PluginAPI"]),
    ],
    swiftLanguageModes: [.v6]
)
