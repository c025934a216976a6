// swift-tools-version: 6.2
import PackageDescription

// A package of its own: the product's parsers compiled with libFuzzer's coverage. `make fuzz` builds and runs it.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-sanitize=fuzzer", "-parse-as-library"]),
]

func product(_ name: String, in layer: String = "Core", _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Product/\(layer)/\(name)", swiftSettings: strict)
}

let package = Package(
    name: "sip-fuzz",
    platforms: [.macOS(.v15)],
    targets: [
        product("Primitives", []),
        product("SIPMessage", ["Primitives"]),
        product("SIPDialog", ["Primitives", "SIPMessage"]),
        product("SDP", ["Primitives"]),
        product("RTP", ["Primitives"]),
        product("Media", ["Primitives", "RTP"]),
        product("MediaNegotiation", ["Primitives", "SDP", "RTP", "Media"]),
        .systemLibrary(name: "COpenSSL", path: "Product/CLibraries/COpenSSL", pkgConfig: "openssl"),
        product("OpenSSLCrypto", in: "Shell", ["Primitives", "RTP", "COpenSSL"]),
        .executableTarget(
            name: "sipfuzz",
            dependencies: [
                "Primitives", "SIPMessage", "SIPDialog", "SDP", "Media", "MediaNegotiation", "OpenSSLCrypto",
            ],
            swiftSettings: strict, linkerSettings: [.unsafeFlags(["-sanitize=fuzzer"])]),
    ]
)
