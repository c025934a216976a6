package import CloudMessages
package import Primitives

/// The values that one appliance reported at one time.
package struct MonitoringReport: Sendable, Equatable {
    package var receivedAt: UnixTime
    package var points: [MetricPoint]
    package init(receivedAt: UnixTime, points: [MetricPoint]) {
        self.receivedAt = receivedAt
        self.points = points
    }
}

/// The monitoring server's memory (F-C5): what is needed for display, at most 24 h of it (R11), nothing on disk.
package struct MonitoringCore: Sendable {
    private struct Device {
        var serial: String
        /// Oldest first.
        var history: [MonitoringReport]
    }

    private var devices: [Device] = []
    private let limits: CloudLimits

    package init(limits: CloudLimits = CloudLimits()) { self.limits = limits }

    /// A report of the appliance whose certificate has `serial`.
    package mutating func receive(_ points: [MetricPoint], serial: String, at now: UnixTime) throws(CloudRefusal) {
        expire(at: now)
        guard let index = devices.firstIndex(where: { $0.serial == serial }) else {
            guard devices.count < limits.monitoredDevices else {
                throw .tooMany(what: "monitored appliances", limit: limits.monitoredDevices)
            }
            devices.append(Device(serial: serial, history: [MonitoringReport(receivedAt: now, points: points)]))
            return
        }
        if let newest = devices[index].history.last {
            let gap = now - newest.receivedAt
            if gap >= .zero, gap < limits.shortestReportInterval {
                throw .tooOften(retryAfter: limits.shortestReportInterval - gap)
            }
        }
        append(MonitoringReport(receivedAt: now, points: points), to: &devices[index].history)
    }

    /// The newest report stays exact; older ones thin out to one per `reportSpacing`.
    private func append(_ report: MonitoringReport, to history: inout [MonitoringReport]) {
        if history.count >= 2,
            history[history.count - 1].receivedAt - history[history.count - 2].receivedAt < limits.reportSpacing
        {
            history.removeLast()
        }
        history.append(report)
        if history.count > limits.reportsPerDevice { history.removeFirst(history.count - limits.reportsPerDevice) }
    }

    /// Drops what is older than 24 h. Called with each report, and by the shell now and then.
    package mutating func expire(at now: UnixTime) {
        for index in devices.indices {
            devices[index].history.removeAll { now - $0.receivedAt > limits.monitoringAge }
        }
        devices.removeAll { $0.history.isEmpty }
    }

    /// The newest report of an appliance, not older than 24 h.
    package func latest(serial: String, at now: UnixTime) -> MonitoringReport? {
        history(serial: serial, at: now).last
    }

    /// Oldest first.
    package func history(serial: String, at now: UnixTime) -> [MonitoringReport] {
        let history = devices.first { $0.serial == serial }?.history ?? []
        return history.filter { now - $0.receivedAt <= limits.monitoringAge }
    }
}
