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
