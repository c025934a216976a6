import Hummingbird

/// The Control Center's page: plain files of `Page/`, compiled into the program, so that one binary is all there is and the
/// content security policy can forbid everything inline.
enum ControlCenterPage {
    struct File: Sendable {
        var path: String
        var type: String
        var bytes: [UInt8]

        var response: Response { .bytes(bytes, type: type) }
    }

    static let files: [File] = [
        File(path: "/", type: "text/html; charset=utf-8", bytes: PackageResources.centre_html),
        File(path: "/centre.css", type: "text/css; charset=utf-8", bytes: PackageResources.centre_css),
        File(path: "/icon.svg", type: "image/svg+xml", bytes: PackageResources.icon_svg),
        script("/app.js", PackageResources.app_js), script("/page.js", PackageResources.page_js),
        script("/texts.js", PackageResources.texts_js), script("/charts.js", PackageResources.charts_js),
        script("/calls.js", PackageResources.calls_js), script("/devices.js", PackageResources.devices_js),
        script("/accounts.js", PackageResources.accounts_js),
    ]

    private static func script(_ path: String, _ bytes: [UInt8]) -> File {
        File(path: path, type: "text/javascript; charset=utf-8", bytes: bytes)
    }
}
