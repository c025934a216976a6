package import HAL
import OpenSSLCrypto

/// The status light of a process: the state's name in a file, for who wants to look. A light that fails stops nothing.
package struct FileIndicator: IndicatorDevice {
    private let path: String

    package init(path: String) { self.path = path }

    package func show(_ state: IndicatorState) {
        try? PrivateFile.replace(path, with: Array("\(state.rawValue)\n".utf8), mode: 0o644)
    }
}
