package import CloudMessages
package import Primitives

/// OTLP/HTTP JSON, `ExportMetricsServiceRequest` (opentelemetry-proto, metrics v1): what `POST /v1/metrics` carries (F-C5).
///
/// Gauges only. Who sends it is in the TLS certificate, so the resource names nothing but the service.
package enum OTLPMetrics {
    package static let serviceName = "pbx"
    package static let scopeName = "pbx.telemetry"

    /// The points as one request; points of equal name and unit become data points of one gauge. Values that are not
    /// finite have no JSON form and are left out.
    package static func encode(_ points: [MetricPoint], at time: UnixTime) throws(CloudWireError) -> [UInt8] {
        var metrics: [Metric] = []
        for point in points where point.value.isFinite {
            let attributes = point.attributes.map { KeyValue(key: $0.key, value: AnyValue(stringValue: $0.value)) }
            let dataPoint = DataPoint(
                attributes: attributes.isEmpty ? nil : attributes,
                timeUnixNano: String(time.milliseconds) + "000000", asDouble: point.value, asInt: nil)
            if let index = metrics.firstIndex(where: { $0.name == point.name && $0.unit == point.unit }) {
                metrics[index].gauge?.dataPoints.append(dataPoint)
            } else {
                metrics.append(
                    Metric(name: point.name, unit: point.unit, gauge: Gauge(dataPoints: [dataPoint]), sum: nil))
            }
        }
        let resource = Resource(
            attributes: [KeyValue(key: "service.name", value: AnyValue(stringValue: serviceName))])
        let scope = ScopeMetrics(scope: Scope(name: scopeName), metrics: metrics)
        let request = Request(resourceMetrics: [ResourceMetrics(resource: resource, scopeMetrics: [scope])])
        return try WireJSON.encode(request, what: "metrics")
    }

    /// One received value.
    package struct Received: Sendable, Hashable {
        package var point: MetricPoint
        package var time: UnixTime
        package init(point: MetricPoint, time: UnixTime) {
            self.point = point
            self.time = time
        }
    }

    /// Gauge and sum data points in the order of the request. Histograms and other kinds are ignored.
    package static func decode(
        _ bytes: [UInt8], limits: WireLimits = WireLimits()
    ) throws(CloudWireError) -> [Received] {
        let request = try WireJSON.decode(Request.self, from: bytes, limit: limits.metricsBytes, what: "metrics")
        var received: [Received] = []
        for metric in request.resourceMetrics.flatMap({ $0.scopeMetrics ?? [] }).flatMap({ $0.metrics ?? [] }) {
            for dataPoint in (metric.gauge ?? metric.sum)?.dataPoints ?? [] {
                guard received.count < limits.metricPoints else {
                    throw .malformed(what: "metrics", reason: "more than \(limits.metricPoints) data points")
                }
                received.append(try convert(dataPoint, of: metric, limits: limits))
            }
        }
        return received
    }

    private static func convert(
        _ dataPoint: DataPoint, of metric: Metric, limits: WireLimits
    ) throws(CloudWireError) -> Received {
        let attributes = dataPoint.attributes ?? []
        guard attributes.count <= limits.attributesPerPoint else {
            throw .malformed(what: "metrics", reason: "more than \(limits.attributesPerPoint) attributes on one point")
        }
        guard let nanoseconds = Int64(dataPoint.timeUnixNano ?? "0"), nanoseconds >= 0 else {
            throw .malformed(what: "metrics", reason: "timeUnixNano is not decimal digits")
        }
        guard let value = dataPoint.asDouble ?? dataPoint.asInt.map({ Double($0.value) }) else {
            throw .malformed(what: "metrics", reason: "a data point has no value")
        }
        let pairs = attributes.map { MetricAttribute($0.key, $0.value.stringValue ?? "") }
        let texts = [metric.name, metric.unit ?? ""] + pairs.flatMap { [$0.key, $0.value] }
        guard texts.allSatisfy({ $0.utf8.count <= limits.metricTextBytes }), !metric.name.isEmpty else {
            throw .malformed(
                what: "metrics", reason: "a name is empty or a text exceeds \(limits.metricTextBytes) bytes")
        }
        let point = MetricPoint(name: metric.name, unit: metric.unit ?? "", value: value, attributes: pairs)
        return Received(point: point, time: UnixTime(milliseconds: nanoseconds / 1_000_000))
    }

    // The JSON mapping of the protobuf messages: lowerCamelCase names, 64-bit integers as text.

    private struct Request: Codable { var resourceMetrics: [ResourceMetrics] }
    private struct ResourceMetrics: Codable {
        var resource: Resource?
        var scopeMetrics: [ScopeMetrics]?
    }
    private struct Resource: Codable { var attributes: [KeyValue]? }
    private struct ScopeMetrics: Codable {
        var scope: Scope?
        var metrics: [Metric]?
    }
    private struct Scope: Codable { var name: String? }
    private struct Metric: Codable {
        var name: String
        var unit: String?
        var gauge: Gauge?
        var sum: Gauge?
    }
    private struct Gauge: Codable { var dataPoints: [DataPoint] }
    private struct DataPoint: Codable {
        var attributes: [KeyValue]?
        var timeUnixNano: String?
        var asDouble: Double?
        var asInt: WireInteger?
    }
    private struct KeyValue: Codable {
        var key: String
        var value: AnyValue
    }
    private struct AnyValue: Codable { var stringValue: String? }

    /// A 64-bit integer, which protobuf's JSON mapping writes as text and reads as text or number.
    private struct WireInteger: Codable {
        var value: Int64

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self), let integer = Int64(text) {
                value = integer
            } else {
                value = try container.decode(Int64.self)
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(String(value))
        }
    }
}
