/// What the HAL measures of the machine for F-C5; nothing in it names a person.
package struct SystemSample: Sendable, Hashable {
    /// 0...1 over all cores since the previous sample.
    package var cpuUtilization: Double
    package var memoryUsedBytes: Int64
    package var memoryTotalBytes: Int64
    package var fileSystemUsedBytes: Int64
    package var fileSystemTotalBytes: Int64
    package var uptimeSeconds: Double

    package init(
        cpuUtilization: Double, memoryUsedBytes: Int64, memoryTotalBytes: Int64, fileSystemUsedBytes: Int64,
        fileSystemTotalBytes: Int64, uptimeSeconds: Double
    ) {
        self.cpuUtilization = cpuUtilization
        self.memoryUsedBytes = memoryUsedBytes
        self.memoryTotalBytes = memoryTotalBytes
        self.fileSystemUsedBytes = fileSystemUsedBytes
        self.fileSystemTotalBytes = fileSystemTotalBytes
        self.uptimeSeconds = uptimeSeconds
    }
}
