import AsyncHTTPClient
import CloudWire
import NIOCore
import PrivacyContract

/// Streams a file to the backup server; a transfer that breaks goes on where the server says it stopped (RFC 9110
/// section 14.5, Content-Range in a PUT).
struct ArtifactUpload: Sendable {
    /// How often one call resumes; after that the core's own back-off decides.
    static let resumptions = 3

    let client: CloudClient
    let file: ArtifactFile
    let size: Int64

    func run(
        _ request: CloudHTTPRequest, under permit: Permit, server: String, counting bytes: inout Int64
    ) async throws -> CloudClient.Answer {
        var offset: Int64 = 0
        for attempt in 0...Self.resumptions {
            do {
                let answer = try await put(
                    request, under: permit, from: offset, length: size - offset, server: server, counting: &bytes)
                guard answer.status == 202 || answer.status == 416, attempt < Self.resumptions else { return answer }
                offset = Self.received(answer)
            } catch {
                guard attempt < Self.resumptions, !CloudClient.happensBeforeSending(error) else { throw error }
                // The last byte alone, out of place: the refusal says how much is there.
                let probe = try await put(
                    request, under: permit, from: size - 1, length: 1, server: server, counting: &bytes)
                guard probe.status == 202 || probe.status == 416 else { return probe }
                offset = Self.received(probe)
            }
        }
        throw HTTPClientError.writeTimeout
    }

    private func put(
        _ request: CloudHTTPRequest, under permit: Permit, from offset: Int64, length: Int64, server: String,
        counting bytes: inout Int64
    ) async throws -> CloudClient.Answer {
        var request = request
        if offset > 0 {
            request.headers.append(WireHeader("Content-Range", "bytes \(offset)-\(offset + length - 1)/\(size)"))
        }
        let chunks = FileChunks(file: file, offset: offset, end: offset + length)
        var wire = CloudClient.wireRequest(request, server: server)
        wire.body = .stream(chunks, length: .known(length))
        let head = CloudClient.headBytes(request, server: server, bodyBytes: length)
        do {
            let answer = try await client.exchange(wire, under: permit, timeout: CloudClient.transferTimeout)
            bytes += head + chunks.handedOut
            return answer
        } catch {
            if chunks.handedOut > 0 || !CloudClient.happensBeforeSending(error) { bytes += head + chunks.handedOut }
            throw error
        }
    }

    /// `Range: bytes=0-99` of the server's answer: the next byte it wants; 0 when it has nothing.
    static func received(_ answer: CloudClient.Answer) -> Int64 {
        guard let value = answer.headers.first(where: { $0.name.lowercased() == "range" })?.value,
            let dash = value.lastIndex(of: "-"), let last = Int64(value[value.index(after: dash)...]), last >= 0
        else { return 0 }
        return last + 1
    }
}
