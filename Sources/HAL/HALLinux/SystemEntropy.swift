import HAL
import OpenSSLCrypto
package import Primitives

/// The operating system's random generator.
package struct SystemEntropy: EntropyDevice {
    package init() {}

    package func makeEntropy() -> Entropy { .system }
}
