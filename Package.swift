// swift-tools-version: 6.2
import PackageDescription

// The manifest reads as the layer map: each helper below is a layer, and a target may import only from its own layer's
// lower neighbours or from a layer above it in this file (`make lint` proves it).

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

func layer(_ folder: String) -> (String, [Target.Dependency]) -> Target {
    { name, dependencies in
        .target(name: name, dependencies: dependencies, path: "Sources/\(folder)/\(name)", swiftSettings: strict)
    }
}

/// The same, with the files of `folder` compiled in as `PackageResources`: a program is one file then.
func counterpart(_ name: String, embedding folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name, dependencies: dependencies, path: "Sources/Counterparts/\(name)",
        resources: [.embedInCode(folder)], swiftSettings: strict)
}

/// Pure: no I/O, no Foundation, no clock, no randomness, no locks, no async.
let core = layer("Core")
/// Device classes, and their adapters.
let hal = layer("HAL")
/// Sockets, files, databases, TLS: runs what the core decides.
let shell = layer("Shell")
/// What the appliance talks to, built the same way: vendor cloud and softphone.
let counterpart = layer("Counterparts")

/// C headers of a Debian library, with the macros that Swift cannot import as inline functions.
func library(_ name: String, pkgConfig: String, apt: String) -> Target {
    .systemLibrary(name: name, path: "Sources/CLibraries/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name,
        dependencies: dependencies + [product("ArgumentParser", "swift-argument-parser")],
        path: "Sources/\(name)", swiftSettings: strict)
}

/// Tests in `Tests/<name>Tests`; test vectors beside them are read as files.
func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests", exclude: exclude,
        swiftSettings: strict)
}

func product(_ name: String, _ package: String) -> Target.Dependency { .product(name: name, package: package) }

let nioCore = product("NIOCore", "swift-nio")
let nioPosix = product("NIOPosix", "swift-nio")
let nioHTTP1 = product("NIOHTTP1", "swift-nio")
let nioTLS = product("NIOTLS", "swift-nio")
let nioEmbedded = product("NIOEmbedded", "swift-nio")
let nioConcurrency = product("NIOConcurrencyHelpers", "swift-nio")
let nioSSL = product("NIOSSL", "swift-nio-ssl")
let nioHTTP2 = product("NIOHTTP2", "swift-nio-http2")
let hummingbird = product("Hummingbird", "hummingbird")
let hummingbirdTLS = product("HummingbirdTLS", "hummingbird")
let httpTypes = product("HTTPTypes", "swift-http-types")
let httpClient = product("AsyncHTTPClient", "async-http-client")
let grdb = product("GRDB", "GRDB.swift")
let yams = product("Yams", "Yams")
let logging = product("Logging", "swift-log")
let lifecycle = product("ServiceLifecycle", "swift-service-lifecycle")
let unixSignals = product("UnixSignals", "swift-service-lifecycle")

let package = Package(
    name: "pbx-appliance",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "pbxd", targets: ["pbxd"]),
        .executable(name: "pbxctl", targets: ["pbxctl"]),
        .executable(name: "vendorcloud", targets: ["vendorcloud"]),
        .executable(name: "softphone", targets: ["softphone"]),
        .executable(name: "pbxsim", targets: ["pbxsim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Core: primitives and protocols
        core("Primitives", []),
        core("SIPMessage", ["Primitives"]),
        core("SIPTransaction", ["Primitives", "SIPMessage"]),
        core("SIPDialog", ["Primitives", "SIPMessage"]),
        core("ServerLocation", ["Primitives", "SIPMessage", "SIPTransaction"]),
        core("STUN", ["Primitives"]),
        core("SIPUserAgent", ["Primitives", "SIPMessage", "SIPTransaction", "SIPDialog"]),
        core("SDP", ["Primitives"]),
        core("RTP", ["Primitives"]),
        core("Media", ["Primitives", "RTP"]),
        core("RTPEngine", ["Primitives", "SDP", "RTP", "Media"]),
        core("Settings", ["Primitives"]),
        core("Numbering", ["SIPMessage", "Settings"]),
        core("LogPolicy", ["Primitives"]),
        core("Features", ["Settings"]),
        core("CloudMessages", ["Primitives"]),
        core("PrivacyContract", ["Primitives", "CloudMessages"]),
        core("Persistence", ["Primitives", "CloudMessages", "PrivacyContract", "Settings"]),
        core("MediaNegotiation", ["Primitives", "SDP", "RTP", "Media"]),
        core("Applications", ["Primitives", "Settings", "Media"]),
        // Core: features (siblings do not import each other)
        core("Registration", ["Primitives", "SIPMessage", "SIPTransaction", "Persistence"]),
        core("Events", ["Primitives", "SIPMessage", "SIPTransaction", "SIPDialog", "SIPUserAgent"]),
        core(
            "CallControl",
            [
                "Primitives", "SIPMessage", "SIPTransaction", "SIPDialog", "SIPUserAgent", "SDP", "Media",
                "MediaNegotiation", "Settings", "CloudMessages", "RTP", "Applications",
            ]),
        core(
            "Trunks",
            [
                "Primitives", "SIPMessage", "SIPTransaction", "SIPDialog", "SIPUserAgent", "ServerLocation", "Settings",
                "Numbering",
            ]),
        core("Pairing", ["Primitives", "CloudMessages", "PrivacyContract", "Persistence"]),
        core("Backup", ["Primitives", "CloudMessages", "PrivacyContract", "Persistence"]),
        core("Telemetry", ["Primitives", "CloudMessages", "PrivacyContract"]),
        core("Provisioning", ["Primitives", "LogPolicy", "Persistence", "Settings"]),
        core("Updates", ["Primitives", "CloudMessages", "PrivacyContract"]),
        core("CrashReports", ["Primitives", "CloudMessages", "PrivacyContract"]),
        core(
            "ApplianceCore",
            [
                "Primitives", "SIPMessage", "SIPTransaction", "SIPDialog", "SIPUserAgent", "Media", "Settings",
                "CloudMessages", "PrivacyContract", "Persistence", "ServerLocation", "Numbering", "Registration",
                "Events", "Trunks", "Applications", "CallControl", "Pairing", "Backup",
                "Telemetry", "Provisioning", "Features", "Updates", "CrashReports",
            ]),

        // Hardware
        hal("HAL", ["Primitives", "Telemetry"]),
        hal("HALLinux", ["HAL", "Primitives", "Telemetry", "OpenSSLCrypto"]),
        hal("HALSimulated", ["HAL", "Primitives", "Telemetry", "OpenSSLCrypto"]),

        // Shell
        library("COpenSSL", pkgConfig: "openssl", apt: "libssl-dev"),
        library("COpus", pkgConfig: "opus", apt: "libopus-dev"),
        library("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
        library("CAres", pkgConfig: "libcares", apt: "libc-ares-dev"),
        .target(name: "CSockets", path: "Sources/CLibraries/CSockets"),
        .target(name: "CTestClock", path: "Sources/CLibraries/CTestClock"),
        shell("OpenSSLCrypto", ["Primitives", "RTP", "COpenSSL"]),
        shell("OpusCodec", ["Media", "COpus"]),
        shell("NameResolver", ["Primitives", "ServerLocation", "CAres", "CSockets"]),
        shell(
            "MediaEngine",
            ["Primitives", "RTP", "Media", "OpusCodec", "OpenSSLCrypto", "CSockets"]),
        shell("SoundStore", ["Primitives", "Media", "Applications", "Settings"]),
        shell("RTPEngineBackend", ["Primitives", "Media", "RTPEngine", "CSockets"]),
        shell("Archive", ["Primitives", "Backup", "Persistence", "OpenSSLCrypto", "CZlib"]),
        shell("Vectors", ["Primitives", "RTP", "SIPMessage", "SIPDialog", "Media", "OpusCodec", "OpenSSLCrypto"]),
        shell("ConfigurationFile", ["Primitives", "Settings", yams]),
        shell("SQLiteStore", ["Primitives", "Persistence", "CloudMessages", "PrivacyContract", "Settings", grdb]),
        shell("CloudWire", ["Primitives", "CloudMessages", "PrivacyContract"]),
        shell("TLS", ["Primitives", "HAL", "OpenSSLCrypto", nioCore, nioPosix, nioSSL]),
        shell("Splice", [nioCore, nioPosix]),
        shell(
            "Transport",
            [
                "Primitives", "SIPMessage", "SIPTransaction", "STUN", "CSockets", "TLS", nioCore, nioPosix,
                nioTLS, nioSSL,
            ]),
        shell(
            "CloudLink",
            [
                "Primitives", "ApplianceCore", "CloudMessages", "CloudWire", "PrivacyContract", "Settings", "HAL",
                "TLS",
                "Transport", "Splice", "OpenSSLCrypto", nioCore, nioPosix, nioHTTP1, nioTLS, nioSSL, nioHTTP2,
                hummingbird,
                httpTypes, httpClient, logging,
            ]),
        shell(
            "HTTPServer",
            [
                "Primitives", "ApplianceCore", "Applications", "Media", "CloudMessages", "CloudWire", "Persistence",
                "PrivacyContract", "Updates", nioCore,
                nioSSL, hummingbird, hummingbirdTLS, httpTypes, logging,
            ]),
        shell(
            "Reactor",
            [
                "Primitives", "ApplianceCore", "Media", "Persistence", "Settings", "SIPTransaction", "PrivacyContract",
                "CloudMessages", "Backup", "HAL", "TLS", "Transport", "NameResolver", "ServerLocation", "MediaEngine",
                "SoundStore", "Applications", "RTPEngine", "RTPEngineBackend",
                "SQLiteStore", "CloudLink", "CloudWire",
                "HTTPServer", "Archive", "ConfigurationFile", "OpenSSLCrypto", nioCore, nioPosix, logging,
            ]),

        // Counterparts
        counterpart("CloudCore", ["Primitives", "CloudMessages", "Pairing"]),
        counterpart(
            "VendorCloud", embedding: "Page",
            [
                "Primitives", "CloudCore", "CloudMessages", "CloudWire", "LogPolicy", "OpenSSLCrypto", "TLS", "Splice",
                nioCore,
                nioPosix,
                nioHTTP1, nioTLS, nioConcurrency, nioSSL, nioHTTP2, hummingbird, hummingbirdTLS, httpTypes, httpClient,
                logging, lifecycle,
            ]),
        counterpart(
            "SoftphoneCore",
            ["Primitives", "SIPMessage", "SIPTransaction", "SIPDialog", "SDP", "RTP", "Media", "MediaNegotiation"]),
        counterpart(
            "Softphone",
            [
                "Primitives", "SoftphoneCore", "CloudMessages", "SIPTransaction", "Media", "Transport", "OpusCodec",
                "OpenSSLCrypto", nioCore, nioPosix, nioHTTP1, nioSSL, httpClient,
            ]),

        counterpart(
            "Fleet",
            [
                "Primitives", "ApplianceCore", "Archive", "Backup", "CloudLink", "CloudMessages", "CloudWire", "HAL",
                "HALLinux", "OpenSSLCrypto", "Persistence", "PrivacyContract", "ServerLocation", "Settings",
                "Telemetry",
                nioCore,
                nioPosix, nioHTTP1, httpClient, logging,
            ]),

        .target(
            name: "Simulation",
            dependencies: [
                "Primitives", "ApplianceCore", "Applications", "CloudCore", "SoftphoneCore", "OpenSSLCrypto",
                "OpusCodec", "Media", "Persistence", "PrivacyContract", "CloudMessages", "Settings",
                "SIPTransaction", "ServerLocation", "Telemetry", "Pairing", "Backup", "Archive", "CloudWire",
                "LogPolicy", "ConfigurationFile", "Updates",
            ],
            path: "Sources/Simulation", swiftSettings: strict),
        .target(
            name: "LiveStage",
            dependencies: ["Primitives", "OpenSSLCrypto", "CSockets", "Simulation"],
            path: "Sources/LiveStage", swiftSettings: strict),

        // Programs
        program("pbxd", ["Reactor", "HAL", "HALLinux", "OpenSSLCrypto", "Primitives", logging]),
        program(
            "pbxctl",
            [
                "Primitives", "HALLinux", "OpenSSLCrypto", "SIPDialog", "SIPMessage", "Vectors", "Persistence",
                "PrivacyContract", "CloudMessages", nioCore, nioPosix, nioHTTP1, httpClient,
            ]),
        program(
            "vendorcloud", ["Primitives", "CloudCore", "CloudMessages", "VendorCloud", logging, lifecycle, unixSignals]),
        program(
            "softphone",
            ["Softphone", "SoftphoneCore", "Primitives", "Media", "SIPTransaction", "TLS", nioPosix, nioSSL]),
        program("pbxsim", ["Fleet", "LiveStage", "Primitives", "Settings", "Simulation", logging]),

        // Tests
        tests("Applications", ["Applications", "Media", "Primitives", "Settings"]),
        tests("Archive", ["Archive", "Backup", "OpenSSLCrypto", "Persistence", "Primitives"]),
        tests("Backup", ["Backup", "CloudMessages", "OpenSSLCrypto", "Persistence", "Primitives", "PrivacyContract"]),
        tests(
            "CallControl",
            [
                "Applications", "CallControl", "CloudMessages", "Media", "MediaNegotiation", "OpenSSLCrypto",
                "Primitives", "RTP",
                "SDP",
                "SIPDialog", "SIPMessage",
                "SIPTransaction", "SIPUserAgent", "Settings",
            ]),
        tests("CloudCore", ["CloudCore", "CloudMessages", "Pairing", "Primitives"]),
        tests("CloudWire", ["CloudMessages", "CloudWire", "Primitives", "PrivacyContract"]),
        tests("ConfigurationFile", ["ConfigurationFile", "Primitives", "Settings"]),
        tests(
            "ConnectedServices",
            [
                "ApplianceCore", "Backup", "CloudMessages", "OpenSSLCrypto", "Pairing", "Persistence", "Primitives",
                "PrivacyContract", "Settings", "Telemetry", "Updates",
            ]),
        tests("Events", ["Events", "Primitives", "SIPMessage", "SIPTransaction", "SIPUserAgent"]),
        tests("Features", ["Features", "Settings"]),
        tests("HAL", ["HAL", "HALLinux", "HALSimulated", "OpenSSLCrypto", "Primitives", "Telemetry"]),
        tests("LogPolicy", ["LogPolicy", "Primitives"]),
        tests("MediaQuality", ["CSockets", "Media", "MediaEngine", "OpusCodec", "Primitives", "RTP"]),
        tests(
            "MediaEngine",
            [
                "COpus", "CSockets", "CTestClock", "Media", "MediaEngine", "OpenSSLCrypto", "OpusCodec", "Primitives",
                "RTP",
            ]),
        tests("SoundStore", ["Applications", "Media", "Primitives", "Settings", "SoundStore"]),
        tests("MediaNegotiation", ["Media", "MediaNegotiation", "Primitives", "RTP", "SDP"]),
        tests("Media", ["Media", "Primitives", "RTP"], exclude: ["Vectors"]),
        tests("CloudMessages", ["CloudMessages", "Primitives"]),
        tests("Numbering", ["Numbering", "SIPMessage", "Settings"]),
        tests("NameResolver", ["NameResolver", "Primitives", "SIPTransaction", "ServerLocation"]),
        tests(
            "OpenSSLCrypto", ["CSockets", "CTestClock", "OpenSSLCrypto", "Primitives", "RTP"], exclude: ["Vectors"]),
        tests(
            "Pairing", ["CloudMessages", "OpenSSLCrypto", "Pairing", "Persistence", "Primitives", "PrivacyContract"]),
        tests("Primitives", ["Primitives"]),
        tests("Persistence", ["OpenSSLCrypto", "Persistence", "Primitives", "PrivacyContract"]),
        tests("PrivacyContract", ["CloudMessages", "Primitives", "PrivacyContract"]),
        tests("Provisioning", ["OpenSSLCrypto", "Persistence", "Primitives", "Provisioning", "Settings"]),
        tests("RTP", ["Primitives", "RTP"]),
        tests(
            "Reactor",
            [
                "ApplianceCore", "Archive", "Backup", "CloudLink", "CloudMessages", "CloudWire", "HAL", "HALLinux",
                "HALSimulated",
                "HTTPServer",
                "OpenSSLCrypto", "Persistence", "Primitives", "PrivacyContract", "Reactor", "SQLiteStore", "Settings",
                "TLS", "Transport", httpClient, logging, nioCore, nioEmbedded, nioHTTP1, nioHTTP2, nioPosix, nioSSL,
                nioTLS,
            ]),
        tests("RTPEngine", ["Media", "Primitives", "RTP", "RTPEngine", "SDP"]),
        tests("RTPEngineBackend", ["CSockets", "Media", "Primitives", "RTP", "RTPEngine", "RTPEngineBackend"]),
        tests("Registration", ["Persistence", "Primitives", "Registration", "SIPMessage", "SIPTransaction"]),
        tests("SDP", ["Primitives", "SDP"]),
        tests("ServerLocation", ["Primitives", "SIPMessage", "SIPTransaction", "ServerLocation"]),
        tests("STUN", ["Primitives", "STUN"]),
        tests("SIPDialog", ["OpenSSLCrypto", "Primitives", "SIPDialog", "SIPMessage"]),
        tests("SIPMessage", ["Primitives", "SIPMessage"], exclude: ["Vectors"]),
        tests("SIPTransaction", ["Primitives", "SIPMessage", "SIPTransaction"]),
        tests(
            "SQLiteStore",
            ["CloudMessages", "Persistence", "Primitives", "PrivacyContract", "SQLiteStore", "Settings", grdb]),
        tests(
            "Simulation",
            [
                "ApplianceCore", "CloudMessages", "Media", "Persistence", "Primitives", "PrivacyContract", "Settings",
                "Simulation", "SoftphoneCore",
            ]),
        tests(
            "SoftphoneCore",
            [
                "Media", "OpenSSLCrypto", "Primitives", "RTP", "SIPDialog", "SIPMessage", "SIPTransaction",
                "SoftphoneCore",
            ]),
        tests("Updates", ["CloudMessages", "OpenSSLCrypto", "Primitives", "PrivacyContract", "Updates"]),
        tests("CrashReports", ["CloudMessages", "CrashReports", "Primitives", "PrivacyContract"]),
        tests("Telemetry", ["CloudMessages", "Primitives", "PrivacyContract", "Telemetry"]),
        tests(
            "Telephony",
            [
                "ApplianceCore", "Applications", "CloudMessages", "Media", "OpenSSLCrypto", "Persistence", "Primitives",
                "RTP",
                "SDP", "SIPDialog", "SIPMessage", "SIPTransaction", "Settings",
            ]),
        tests(
            "Transport",
            [
                "OpenSSLCrypto", "Primitives", "SIPTransaction", "STUN", "TLS", "Transport", nioCore, nioEmbedded,
                nioPosix, nioSSL,
            ]),
        tests(
            "Trunks",
            [
                "Numbering", "OpenSSLCrypto", "Primitives", "SIPDialog", "SIPMessage", "SIPTransaction", "SIPUserAgent",
                "ServerLocation", "Settings", "Trunks",
            ]),
        tests("Vectors", ["Primitives", "Vectors"]),
        tests(
            "VendorCloud",
            [
                "CloudCore", "CloudMessages", "CloudWire", "HAL", "OpenSSLCrypto", "Pairing", "Primitives", "TLS",
                "VendorCloud", httpClient, logging, nioConcurrency, nioCore, nioHTTP1, nioHTTP2, nioPosix, nioSSL,
            ]),
    ]
)
