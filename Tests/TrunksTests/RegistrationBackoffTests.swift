import Primitives
import Testing
import Trunks

struct RegistrationBackoffTests {
    private var entropy = Entropy(SeededGenerator(seed: 5))

    @Test mutating func `waits double from 30 seconds to 30 minutes, each by chance between half and all`() {
        var backoff = RegistrationBackoff()
        for ceiling in [30, 60, 120, 240, 480, 960, 1_800, 1_800] {
            let delay = backoff.failed(isRefusal: false, retryAfter: nil, entropy: &entropy)
            #expect(delay >= .seconds(ceiling) / 2 && delay < .seconds(ceiling))
        }
        backoff.succeeded()
        #expect(backoff.failed(isRefusal: false, retryAfter: nil, entropy: &entropy) < .seconds(30))
    }

    @Test mutating func `a server that refuses is left alone for minutes`() {
        var backoff = RegistrationBackoff()
        #expect(backoff.failed(isRefusal: true, retryAfter: nil, entropy: &entropy) >= .seconds(240))
        #expect(backoff.failed(isRefusal: true, retryAfter: nil, entropy: &entropy) >= .seconds(480))
    }

    @Test mutating func `Retry-After is obeyed up to an hour`() {
        var backoff = RegistrationBackoff()
        #expect(backoff.failed(isRefusal: false, retryAfter: .seconds(900), entropy: &entropy) == .seconds(900))
        #expect(backoff.failed(isRefusal: false, retryAfter: .seconds(90_000), entropy: &entropy) == .seconds(3_600))
    }

    @Test mutating func `a hundred failures do not overflow`() {
        var backoff = RegistrationBackoff()
        for _ in 0..<100 { _ = backoff.failed(isRefusal: false, retryAfter: nil, entropy: &entropy) }
        #expect(backoff.failures == 100)
    }
}
