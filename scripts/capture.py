"""What tshark hears of the UDP traffic on loopback."""
import collections
import signal
import subprocess
import time

from harness import run, until


class Capture:
    def __init__(self, directory):
        self.file = directory / "capture.pcap"
        self.file.touch(mode=0o666)
        log = directory / "tshark.log"
        self.sniffer = subprocess.Popen(["tshark", "-q", "-i", "lo", "-f", "udp", "-w", str(self.file)], stdout=subprocess.DEVNULL,
                                        stderr=open(log, "wb"), start_new_session=True)
        until("tshark's first bytes", lambda: self.file.stat().st_size > 0 or "Capturing" in log.read_text(), 15)

    def finish(self):
        time.sleep(1)  # dumpcap writes in blocks; the last packets are on their way to the file
        self.sniffer.send_signal(signal.SIGINT)
        self.sniffer.wait(20)
        return self.file

    def streams(self):
        """Datagrams by (source port, destination port)."""
        found = collections.defaultdict(list)
        fields = ["-T", "fields", "-e", "udp.srcport", "-e", "udp.dstport", "-e", "udp.payload"]
        for line in run(["tshark", "-r", self.file, "-Y", "udp and not icmp", *fields], timeout=60).splitlines():
            source, destination, payload = line.split("\t")
            found[int(source), int(destination)].append(bytes.fromhex(payload.replace(":", "")))
        return found

    def end(self):
        if self.sniffer.poll() is None:
            self.sniffer.terminate()
            self.sniffer.wait(10)
