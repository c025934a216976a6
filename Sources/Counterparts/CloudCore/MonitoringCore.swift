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

/// The course of one value, for a chart.
package struct MonitoringSeries: Sendable, Equatable {
    package var name: String
    package var unit: String
    package var attributes: [MetricAttribute]
    /// Oldest first; nil where a report did not have it. As many as there are times.
    package var values: [Double?]
}

/// The monitoring server's memory (F-C5): what is needed for display, at most 24 h of it (R11), nothing on disk.
///
/// Of a report only its numbers are kept; what they are called is kept once per appliance. A day of a thousand appliances
/// at one report a minute with ten values is 130 MB so.
package struct MonitoringCore: Sendable {
    fileprivate struct Series: Sendable, Hashable {
        var name: String
        var unit: String
        var attributes: [MetricAttribute]
    }

    fileprivate struct Row: Sendable {
        var receivedAt: UnixTime
        /// By position in `Device.series`; shorter when the later ones are missing, NaN for one that is.
        var values: [Double]
    }

    fileprivate struct Device: Sendable {
        var serial: String
        var series: [Series] = []
        /// Oldest first.
        var rows: [Row] = []
        /// Positions in `series`, in the order in which the newest report had them.
        var newestOrder: [Int] = []
    }

    private var devices: [Device] = []
    private var positions: [String: Int] = [:]
    private let limits: CloudLimits

    package init(limits: CloudLimits = CloudLimits()) { self.limits = limits }

    /// A report of the appliance whose certificate has `serial`.
    package mutating func receive(_ points: [MetricPoint], serial: String, at now: UnixTime) throws(CloudRefusal) {
        let position = try position(serial, at: now)
        if let newest = devices[position].rows.last {
            let gap = now - newest.receivedAt
            if gap >= .zero, gap < limits.shortestReportInterval {
                throw .tooOften(retryAfter: limits.shortestReportInterval - gap)
            }
        }
        try append(points, to: &devices[position], at: now)
    }

    private mutating func position(_ serial: String, at now: UnixTime) throws(CloudRefusal) -> Int {
        if let known = positions[serial] { return known }
        if devices.count >= limits.monitoredDevices { expire(at: now) }
        guard devices.count < limits.monitoredDevices else {
            throw .tooMany(what: "monitored appliances", limit: limits.monitoredDevices)
        }
        positions[serial] = devices.count
        devices.append(Device(serial: serial))
        return devices.count - 1
    }

    /// The newest report stays exact; older ones thin out to one per `reportSpacing`.
    private func append(_ points: [MetricPoint], to device: inout Device, at now: UnixTime) throws(CloudRefusal) {
        var order: [Int] = []
        var values = [Double](repeating: .nan, count: device.series.count)
        for point in points {
            let key = Series(name: point.name, unit: point.unit, attributes: point.attributes)
            if let index = device.series.firstIndex(of: key) {
                values[index] = point.value
                order.append(index)
            } else {
                guard device.series.count < limits.seriesPerDevice else {
                    throw .tooMany(what: "kinds of values of one appliance", limit: limits.seriesPerDevice)
                }
                order.append(device.series.count)
                device.series.append(key)
                values.append(point.value)
            }
        }
        let count = device.rows.count
        if count >= 2, device.rows[count - 1].receivedAt - device.rows[count - 2].receivedAt < limits.reportSpacing {
            device.rows.removeLast()
        }
        device.rows.append(Row(receivedAt: now, values: values))
        device.newestOrder = order
        let excess = max(0, device.rows.count - limits.reportsPerDevice)
        let old = device.rows.dropFirst(excess).prefix { now - $0.receivedAt > limits.monitoringAge }.count
        if excess + old > 0 { device.rows.removeFirst(excess + old) }
    }

    /// Drops what is older than 24 h; the shell calls it now and then, for appliances that report no more.
    package mutating func expire(at now: UnixTime) {
        for index in devices.indices {
            let old = devices[index].rows.prefix { now - $0.receivedAt > limits.monitoringAge }.count
            if old > 0 { devices[index].rows.removeFirst(old) }
        }
        guard devices.contains(where: { $0.rows.isEmpty }) else { return }
        devices.removeAll { $0.rows.isEmpty }
        positions = [:]
        for (index, device) in devices.enumerated() { positions[device.serial] = index }
    }

    /// The newest report of an appliance, not older than 24 h; its points in their order.
    package func latest(serial: String, at now: UnixTime) -> MonitoringReport? {
        guard let device = device(serial), let row = device.rows.last, now - row.receivedAt <= limits.monitoringAge
        else { return nil }
        return device.report(row, order: device.newestOrder)
    }

    /// Oldest first.
    package func history(serial: String, at now: UnixTime) -> [MonitoringReport] {
        guard let device = device(serial) else { return [] }
        return device.rows.filter { now - $0.receivedAt <= limits.monitoringAge }
            .map { device.report($0, order: Array(device.series.indices)) }
    }

    /// The same by value, for charts: the times of the reports, and the course of each value.
    package func series(serial: String, at now: UnixTime) -> (times: [UnixTime], series: [MonitoringSeries]) {
        guard let device = device(serial) else { return ([], []) }
        let rows = device.rows.filter { now - $0.receivedAt <= limits.monitoringAge }
        let series = device.series.enumerated().map { index, key in
            MonitoringSeries(
                name: key.name, unit: key.unit, attributes: key.attributes, values: rows.map { $0.value(index) })
        }
        return (rows.map(\.receivedAt), series)
    }

    private func device(_ serial: String) -> Device? { positions[serial].map { devices[$0] } }
}

extension MonitoringCore.Row {
    fileprivate func value(_ index: Int) -> Double? {
        index < values.count && !values[index].isNaN ? values[index] : nil
    }
}

extension MonitoringCore.Device {
    fileprivate func report(_ row: MonitoringCore.Row, order: [Int]) -> MonitoringReport {
        let points = order.compactMap { index in
            row.value(index).map {
                MetricPoint(
                    name: series[index].name, unit: series[index].unit, value: $0, attributes: series[index].attributes)
            }
        }
        return MonitoringReport(receivedAt: row.receivedAt, points: points)
    }
}
