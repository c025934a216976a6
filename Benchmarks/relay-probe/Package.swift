// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the product neither builds nor ships it. The product's sources are reached by the link
// `Product`, and compiled in this package, because what is measured has `package` access.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func product(_ name: String, in layer: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Product/\(layer)/\(name)", swiftSettings: strict)
}

let package = Package(
    name: "relay-probe",
    platforms: [.macOS(.v15)],
    targets: [
        product("Primitives", in: "Core", []),
        product("RTP", in: "Core", ["Primitives"]),
        product("Media", in: "Core", ["Primitives", "RTP"]),
        .systemLibrary(name: "COpus", path: "Product/CLibraries/COpus", pkgConfig: "opus"),
        product("OpusCodec", in: "Shell", ["Primitives", "Media", "COpus"]),
        .systemLibrary(name: "COpenSSL", path: "Product/CLibraries/COpenSSL", pkgConfig: "openssl"),
        .target(name: "CSockets", path: "Product/CLibraries/CSockets"),
        product("OpenSSLCrypto", in: "Shell", ["Primitives", "RTP", "COpenSSL"]),
        product(
            "MediaEngine", in: "Shell", ["Primitives", "RTP", "Media", "OpusCodec", "OpenSSLCrypto", "CSockets"]),
        .target(name: "CCounters"),
        .executableTarget(
            name: "relayprobe", dependencies: ["CCounters", "OpusCodec", "Media", "RTP", "Primitives"],
            swiftSettings: strict),
        .executableTarget(
            name: "engineprobe", dependencies: ["CCounters", "MediaEngine", "Media", "RTP", "Primitives"],
            swiftSettings: strict),
    ]
)
