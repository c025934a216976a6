#!/usr/bin/env python3
"""The telemetry in the hands of programs that we did not write.

  telemetry.py --bin .build/debug [--keep DIR]

A stock Prometheus scrapes the appliance's /metrics over HTTPS with its administration's token, answers queries about it, and its
promtool checks the text. What the appliance pushes to the vendor (F-C5) is read by OpenTelemetry's own definition of it, when
Python's `opentelemetry-proto` is there, and is said to be left out when it is not."""
import http.server
import json
import pathlib
import shutil
import socketserver
import ssl
import subprocess
import sys
import threading
import urllib.parse

from demo import Demo
from harness import Failed, end_on_signals, free_port, get_json, played, require, story_parser, until

PROMETHEUS = """global: {{ scrape_interval: 1s, scrape_timeout: 1s }}
scrape_configs:
  - job_name: appliance
    scheme: https
    metrics_path: /metrics
    authorization: {{ credentials_file: {token} }}
    tls_config: {{ ca_file: {ca} }}
    static_configs: [ {{ targets: [ "{target}" ] }} ]
"""


class Collector(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A monitoring server that keeps what is posted to it, behind mutual TLS."""
    daemon_threads = True

    def __init__(self, pki):
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "servers" / "monitoring.pem", pki / "servers" / "monitoring.key")
        context.load_verify_locations(pki / "root.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Content-Type"], body, dict(pair[0] for pair in self.connection.getpeercert()["subject"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


class Telemetry(Demo):
    collector = None

    def write_config(self, more=""):
        self.collector = Collector(self.pki)
        self.listeners["monitoring"] = f"127.0.0.1:{self.collector.server_address[1]}"
        super().write_config(more)

    def scrape(self):
        port, data = free_port(), self.directory / "prometheus"
        token = self.token()
        target = self.sip["https"]
        text = self.fetch(target, token)
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        # promtool also lints names; only what it cannot read is an error.
        require("error while linting" not in checked.stderr, f"promtool cannot read the metrics: {checked.stderr[:500]}")
        config = self.directory / "prometheus.yml"
        config.write_text(PROMETHEUS.format(token=token, ca=self.pki / "root.pem", target=target))
        self.start("prometheus", ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}"])

        def ask(query):
            found = get_json(f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}")
            return found["data"]["result"]

        def up():
            try:
                return any(sample["value"][1] == "1" for sample in ask("up"))
            except OSError:
                return False
        until("a scrape", up, 60)
        names = get_json(f"http://127.0.0.1:{port}/api/v1/label/__name__/values")["data"]
        missing = {"pbx_registrations", "pbx_calls_active", "pbx_users", "pbx_loop_turn_seconds_bucket", "pbx_media_workers"} - set(names)
        require(not missing, f"Prometheus lacks {missing}")
        users = ask("pbx_users")[0]["value"][1]
        require(users == "2", f"Prometheus says {users} users")
        self.ctl("switch", "relay", "on")
        until("the changed switch in Prometheus", lambda: ask('pbx_switch{name="relay"} == 1'), 30)
        labels = {key for sample in ask('{__name__=~"pbx_.*"}') for key in sample["metric"]}
        require(labels <= {"__name__", "instance", "job", "name", "trunk", "event", "le", "direction"}, f"labels {labels}")
        turns = ask("histogram_quantile(0.99, rate(pbx_loop_turn_seconds_bucket[10s]))")
        require(turns, "no quantile of the histogram")
        version = subprocess.run(["prometheus", "--version"], capture_output=True, text=True)
        first = (version.stdout + version.stderr).split(",")[1].split()[1]
        self.step("Prometheus", f"{first} scraped {len([n for n in names if n.startswith('pbx_')])} metrics over HTTPS with the owner's token, saw a switch change, "
                  f"and computed the loop's 99th percentile: {1000 * float(turns[0]['value'][1]):.1f} ms")

    def token(self):
        found = [p for p in self.data.rglob("admin-token")]
        require(found, "the administration has no token")
        stripped = self.directory / "token"
        stripped.write_text(found[0].read_text().strip())
        return stripped

    def fetch(self, target, token):
        import urllib.request
        context = ssl.create_default_context(cafile=str(self.pki / "root.pem"))
        request = urllib.request.Request(f"https://{target}/metrics", headers={"Authorization": f"Bearer {token.read_text()}"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        with opener.open(request, timeout=10) as answer:
            return answer.read().decode()

    def push(self):
        self.pairing()
        self.ctl("switch", "monitoring", "on")
        until("three reports", lambda: len(self.collector.posted) >= 3, 30)
        path, kind, body, subject = self.collector.posted[-1]
        require(path == "/v1/metrics" and kind.startswith("application/json"), f"posted to {path} as {kind}")
        require(subject.get("serialNumber") == "8A5K204711", f"posted by {subject}")
        try:
            from google.protobuf import json_format
            from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
        except ImportError:
            self.step("OTLP", f"left out: opentelemetry-proto is not installed; {len(body)} bytes of {kind} came over mutual TLS")
            return
        # Strict: an unknown or misspelt field is an error.
        message = json_format.Parse(body, ExportMetricsServiceRequest(), ignore_unknown_fields=False)
        metrics = {m.name: m for r in message.resource_metrics for s in r.scope_metrics for m in s.metrics}
        missing = {"system.cpu.utilization", "system.memory.usage", "system.uptime", "pbx.calls.active"} - set(metrics)
        require(not missing, f"OpenTelemetry's own definition finds no {missing}")
        for metric in metrics.values():
            require(metric.WhichOneof("data") == "gauge" and metric.unit, f"{metric.name} is {metric.WhichOneof('data')} in '{metric.unit}'")
            require(all(point.time_unix_nano > 1_600_000_000 * 10**9 for point in metric.gauge.data_points), f"{metric.name} has no time")
        again = ExportMetricsServiceRequest.FromString(message.SerializeToString())
        require(again == message, "the request is another one after protobuf")
        self.step("OTLP", f"{len(metrics)} gauges of {len(body)} bytes parsed strictly by OpenTelemetry's own protobuf definition, over mutual TLS as serial {subject['serialNumber']}")

    def end(self):
        if self.collector:
            self.collector.shutdown()
            self.collector.server_close()
        return super().end()

    def story(self):
        if not shutil.which("prometheus"):
            raise Failed("prometheus is not installed; make deps-interop installs it")
        for chapter in (self.factory, self.cloud, self.appliance, self.scrape, self.push, self.stop):
            chapter()


def main():
    options = story_parser(__doc__).parse_args()
    end_on_signals()
    return played("telemetry", Telemetry(options.bin, keep=options.keep))


if __name__ == "__main__":
    sys.exit(main())
