import Glibc

/// What libFuzzer calls for each input. `FUZZ_TARGET` names the parser: `message`, `sdp`, `uri` or `digest`.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: count))
    switch target {
    case "message": fuzzMessage(bytes)
    case "sdp": fuzzSessionDescription(bytes)
    case "uri": fuzzURI(bytes)
    case "digest": fuzzDigest(bytes)
    default:
        print("set FUZZ_TARGET to message, sdp, uri or digest")
        exit(2)
    }
    return 0
}

private let target = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""

/// libFuzzer's driver: options, corpus, mutation.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ argumentCount: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// SwiftPM makes `main` an alias of this symbol, so that libFuzzer's own `main` is not used.
@_cdecl("sipfuzz_main")
public func fuzzMain(_ argumentCount: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var (argumentCount, arguments) = (argumentCount, arguments)
    return runDriver(&argumentCount, &arguments, testOneInput)
}
