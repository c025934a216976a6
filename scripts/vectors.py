#!/usr/bin/env python3
"""`pbxctl vectors` against libraries that we did not write: libsrtp2 and libopus by their own calls, G.711 by its tables.

  vectors.py --bin .build/debug [--seed 1]

The libraries are Debian's (libsrtp2-1, BSD licence; libopus0, BSD licence), called through ctypes; nothing of them is here. Packets,
keys and losses are random from a seed. Exit status 0 only if every answer is the same to the bit."""
import argparse
import bisect
import ctypes
import ctypes.util
import json
import math
import pathlib
import random
import struct
import subprocess
import sys
import time

from harness import Failed, end_on_signals, fail, require

SUITES = {  # name: (master key and salt, setter of libsrtp2 for RTP, for RTCP)
    "AES_CM_128_HMAC_SHA1_80": (30, "set_aes_cm_128_hmac_sha1_80", "set_aes_cm_128_hmac_sha1_80"),
    "AES_CM_128_HMAC_SHA1_32": (30, "set_aes_cm_128_hmac_sha1_32", "set_aes_cm_128_hmac_sha1_80"),
    "AEAD_AES_128_GCM": (28, "set_aes_gcm_128_16_auth", "set_aes_gcm_128_16_auth"),
    "AEAD_AES_256_GCM": (44, "set_aes_gcm_256_16_auth", "set_aes_gcm_256_16_auth"),
}
SETTERS = {"set_aes_cm_128_hmac_sha1_80": "srtp_crypto_policy_set_rtp_default", "set_aes_cm_128_hmac_sha1_32": "srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32",
           "set_aes_gcm_128_16_auth": "srtp_crypto_policy_set_aes_gcm_128_16_auth", "set_aes_gcm_256_16_auth": "srtp_crypto_policy_set_aes_gcm_256_16_auth"}


class Product:
    """`pbxctl vectors`: a question a line, an answer a line."""

    def __init__(self, binary):
        self.process = subprocess.Popen([binary, "vectors"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.asked = 0

    def ask(self, operation, **fields):
        fields = {k: v.hex() if isinstance(v, (bytes, bytearray)) else v for k, v in fields.items()}
        self.process.stdin.write(json.dumps({"op": operation, **fields}) + "\n")
        self.process.stdin.flush()
        self.asked += 1
        answer = self.process.stdout.readline()
        require(answer, "pbxctl vectors ended")
        return json.loads(answer)

    def end(self):
        self.process.stdin.close()
        self.process.wait(10)


# --- libsrtp2

class CryptoPolicy(ctypes.Structure):
    _fields_ = [("cipher_type", ctypes.c_uint32), ("cipher_key_len", ctypes.c_int), ("auth_type", ctypes.c_uint32), ("auth_key_len", ctypes.c_int),
                ("auth_tag_len", ctypes.c_int), ("sec_serv", ctypes.c_int)]


class Policy(ctypes.Structure):
    """srtp_policy_t of libsrtp2 2.x, with room behind it."""
    _fields_ = [("ssrc_type", ctypes.c_int), ("ssrc", ctypes.c_uint), ("rtp", CryptoPolicy), ("rtcp", CryptoPolicy), ("key", ctypes.c_void_p),
                ("keys", ctypes.c_void_p), ("num_master_keys", ctypes.c_ulong), ("deprecated_ekt", ctypes.c_void_p), ("window_size", ctypes.c_ulong),
                ("allow_repeat_tx", ctypes.c_int), ("enc_xtn_hdr", ctypes.c_void_p), ("enc_xtn_hdr_count", ctypes.c_int), ("next", ctypes.c_void_p),
                ("room", ctypes.c_ubyte * 256)]


class LibSRTP:
    """One direction of one key."""
    library = None
    INBOUND, OUTBOUND = 2, 3

    def __init__(self, suite, master, direction):
        _, rtp, rtcp = SUITES[suite]
        self.key, policy = ctypes.create_string_buffer(master, len(master)), Policy()
        getattr(self.library, SETTERS[rtp])(ctypes.byref(policy.rtp))
        getattr(self.library, SETTERS[rtcp])(ctypes.byref(policy.rtcp))
        policy.ssrc_type, policy.key, policy.window_size = direction, ctypes.addressof(self.key), 128
        self.session = ctypes.c_void_p()
        status = self.library.srtp_create(ctypes.byref(self.session), ctypes.byref(policy))
        require(status == 0, f"srtp_create for {suite}: {status}")

    @classmethod
    def load(cls):
        name = ctypes.util.find_library("srtp2") or "libsrtp2.so.1"
        try:
            cls.library = ctypes.CDLL(name)
        except OSError as error:
            raise Failed(f"libsrtp2 was not found ({error}); make deps-interop installs it") from None
        require(cls.library.srtp_init() == 0, "srtp_init")
        cls.library.srtp_get_version_string.restype = ctypes.c_char_p
        return cls.library.srtp_get_version_string().decode()

    def _run(self, function, packet):
        buffer, size = ctypes.create_string_buffer(bytes(packet) + bytes(160), len(packet) + 160), ctypes.c_int(len(packet))
        status = getattr(self.library, function)(self.session, buffer, ctypes.byref(size))
        return buffer.raw[:size.value] if status == 0 else None

    def protect(self, packet):
        return self._run("srtp_protect", packet)

    def unprotect(self, packet):
        return self._run("srtp_unprotect", packet)

    def protect_rtcp(self, packet):
        return self._run("srtp_protect_rtcp", packet)

    def set_roc(self, ssrc, roc):
        require(self.library.srtp_set_stream_roc(self.session, ctypes.c_uint32(ssrc), ctypes.c_uint32(roc)) == 0, "srtp_set_stream_roc")

    def end(self):
        self.library.srtp_dealloc(self.session)


def random_rtp(source, sequence, ssrc):
    """A packet with contributing sources, padding, and header extensions in both forms of RFC 8285 (audio levels of RFC 6464) or one of its own."""
    csrcs = [source.getrandbits(32) for _ in range(source.choice((0, 0, 1, 3, 15)))]
    kind, extension = source.choice(("none", "one", "two", "own")), b""
    if kind == "one":
        extension = b"\xbe\xde" + struct.pack(">H", 1) + bytes((0x10, source.getrandbits(8), 0, 0))
    elif kind == "two":
        extension = b"\x10\x00" + struct.pack(">H", 2) + bytes((1, 1, source.getrandbits(8), 7, 2, 5, 6, 0))
    elif kind == "own":
        words = source.randrange(4)
        extension = struct.pack(">HH", source.getrandbits(16), words) + source.randbytes(4 * words)
    padding = source.choice((0, 0, 0, 4))
    first = 0x80 | (0x20 if padding else 0) | (0x10 if extension else 0) | len(csrcs)
    head = struct.pack(">BBHII", first, source.getrandbits(8), sequence, source.getrandbits(32), ssrc)
    body = source.randbytes(source.choice((0, 1, 20, 160, 161, 480, 1000)))
    return head + b"".join(struct.pack(">I", c) for c in csrcs) + extension + body + (bytes(padding - 1) + bytes((padding,)) if padding else b"")


def srtp(product, source):
    version, told = LibSRTP.load(), []
    for suite, (size, _, _) in SUITES.items():
        packets = reports = refused = 0
        for _ in range(6):
            master, ssrc = source.randbytes(size), source.getrandbits(32)
            sender, receiver = LibSRTP(suite, master, LibSRTP.OUTBOUND), LibSRTP(suite, master, LibSRTP.INBOUND)
            # Up to the turn of the sequence number and over it, in order at first, then in disorder.
            numbers = list(range(65_520, 65_536)) + list(range(65_536, 65_560))
            for start in range(8, len(numbers), 8):
                block = numbers[start:start + 8]
                source.shuffle(block)
                numbers[start:start + 8] = block
            for number in numbers:
                plain, roc = random_rtp(source, number & 0xFFFF, ssrc), number >> 16
                theirs = sender.protect(plain)
                require(theirs is not None, f"{suite}: libsrtp2 protects nothing")
                ours = bytes.fromhex(product.ask("srtp_protect", suite=suite, master=master, roc=roc, packet=plain)["packet"])
                require(ours == theirs, f"{suite}: {plain.hex()} with roc {roc}:\nours   {ours.hex()}\ntheirs {theirs.hex()}")
                back = product.ask("srtp_unprotect", suite=suite, master=master, roc=roc, packet=theirs)
                require(back.get("rtp") == plain.hex(), f"{suite}: opened {back}")
                require(receiver.unprotect(ours) == plain, f"{suite}: libsrtp2 does not open ours: {ours.hex()}")
                require(receiver.unprotect(ours) is None, f"{suite}: libsrtp2 took a replay")
                altered = bytearray(theirs)
                altered[source.randrange(len(altered))] ^= 1 << source.randrange(8)
                wrong = product.ask("srtp_unprotect", suite=suite, master=master, roc=roc, packet=altered)
                require(not wrong["ok"], f"{suite}: an altered packet was taken: {altered.hex()}")
                require(not product.ask("srtp_unprotect", suite=suite, master=master, roc=roc + 1, packet=theirs)["ok"], f"{suite}: wrong rollover counter taken")
                packets, refused = packets + 1, refused + 2
            for _ in range(12):
                report = struct.pack(">BBHI", 0x81, 201, 7, ssrc) + source.randbytes(24)
                if source.random() < 0.5:
                    report += struct.pack(">BBHI", 0x81, 202, 2, ssrc) + b"\x01\x02ab"
                theirs = sender.protect_rtcp(report)
                back = product.ask("srtcp_unprotect", suite=suite, master=master, packet=theirs)
                require(back.get("rtcp") == report.hex(), f"{suite}: SRTCP opened {back}")
                altered = bytearray(theirs)
                altered[source.randrange(len(altered))] ^= 1 << source.randrange(8)
                require(not product.ask("srtcp_unprotect", suite=suite, master=master, packet=altered)["ok"], f"{suite}: altered SRTCP taken")
                reports, refused = reports + 1, refused + 1
            sender.end()
            receiver.end()
        told.append(f"{suite} {packets}+{reports}")
    print(f"srtp: {version}: RTP both ways and SRTCP the same to the bit, over the turn of the sequence number, in disorder, with header extensions; "
          f"replays, {refused} altered or misplaced packets refused ({', '.join(told)})", flush=True)


# --- libopus

SET = {"bitrate": 4002, "complexity": 4010, "fec": 4012, "loss": 4014, "signal": 4024, "dtx": 4016, "bandwidth": 4008, "vbr": 4006}
VOIP, VOICE = 2048, 3001


class LibOpus:
    def __init__(self):
        self.library = ctypes.CDLL(ctypes.util.find_library("opus") or "libopus.so.0")
        for name in ("opus_encoder_create", "opus_decoder_create", "opus_get_version_string"):
            getattr(self.library, name).restype = ctypes.c_void_p if "create" in name else ctypes.c_char_p
        self.version = self.library.opus_get_version_string().decode()

    def encode(self, pcm, channels, frame, application=VOIP, **settings):
        error = ctypes.c_int()
        state = ctypes.c_void_p(self.library.opus_encoder_create(48_000, channels, application, ctypes.byref(error)))
        for name, value in settings.items():
            require(self.library.opus_encoder_ctl(state, SET[name], ctypes.c_int(value)) == 0, f"libopus refuses {name}={value}")
        packets, buffer = [], ctypes.create_string_buffer(4_000)
        for start in range(0, len(pcm), 2 * channels * frame):
            size = self.library.opus_encode(state, pcm[start:start + 2 * channels * frame], frame, buffer, 4_000)
            require(size > 0, f"opus_encode: {size}")
            packets.append(buffer.raw[:size])
        self.library.opus_encoder_destroy(state)
        return packets

    def decode(self, packets, channels, frame):
        """Empty packets are lost: from the next one's forward error correction, or concealed."""
        error = ctypes.c_int()
        state = ctypes.c_void_p(self.library.opus_decoder_create(48_000, channels, ctypes.byref(error)))
        pcm, buffer = b"", ctypes.create_string_buffer(2 * 2 * 5_760)
        for index, packet in enumerate(packets):
            if packet:
                count = self.library.opus_decode(state, packet, len(packet), buffer, 5_760, 0)
            else:
                following = packets[index + 1] if index + 1 < len(packets) else b""
                count = self.library.opus_decode(state, following, len(following), buffer, frame, 1) if following else 0
                if count <= 0:
                    count = self.library.opus_decode(state, None, 0, buffer, frame, 0)
            require(count > 0, f"opus_decode: {count}")
            pcm += buffer.raw[:2 * channels * count]
        self.library.opus_decoder_destroy(state)
        return pcm


def speech(source, seconds, channels):
    """Gliding harmonics and hiss."""
    samples, pitch, phase = [], source.uniform(90, 220), 0.0
    for n in range(int(seconds * 48_000)):
        t = n / 48_000
        phase += (pitch * (1 + 0.2 * math.sin(3 * t))) / 48_000
        voice = sum(math.sin(2 * math.pi * k * phase) / k for k in (1, 2, 3, 7, 12)) * (0.5 + 0.5 * math.sin(9 * t))
        for channel in range(channels):
            samples.append(int(max(-32_000, min(32_000, 6_000 * voice * (1 - 0.4 * channel) + source.gauss(0, 60)))))
    return struct.pack(f"<{len(samples)}h", *samples)


def opus(product, source):
    library, streams = LibOpus(), 0
    for channels in (1, 2):
        pcm = speech(source, 1.2, channels)
        for frame in (480, 960, 1_920, 2_880):
            for bitrate in (12_000, 24_000, 64_000):
                # What the product's encoder is set to, by libopus' own calls.
                own = dict(bitrate=bitrate, complexity=5, signal=VOICE, fec=1, loss=0)
                theirs = library.encode(pcm, channels, frame, **own)
                ours = product.ask("opus_encode", channels=channels, frame=frame, bitrate=bitrate, pcm=pcm)
                require([bytes.fromhex(p) for p in ours.get("packets", [])] == theirs, f"opus_encode: {channels} channels, {frame} samples, {bitrate} bits/s differ")
                other = library.encode(pcm, channels, frame, application=source.choice((VOIP, 2049, 2051)), bitrate=bitrate, complexity=source.randrange(11),
                                       fec=1, loss=20, dtx=source.randrange(2), vbr=source.randrange(2))
                for packets in (theirs, other, [p if source.random() > 0.15 or n == 0 else b"" for n, p in enumerate(other)]):
                    heard = product.ask("opus_decode", channels=channels, frame=frame, packets=[p.hex() for p in packets])
                    require(heard.get("pcm") == library.decode(packets, channels, frame).hex(), f"opus_decode: {channels} channels, {frame} samples, {bitrate} bits/s differ")
                    streams += 1
    print(f"opus: {library.version}: {streams} streams decoded and {streams // 3} encoded as by bare libopus, sample for sample, "
          "in all its modes, with 10 to 60 ms, losses and forward error correction among them", flush=True)


# --- G.711 by the tables of the recommendation: decision values, and values in the middle between two of them

def decisions(first, steps):
    """Decision values of one sign, in the law's own units: what `first` holds, then 16 intervals of each step."""
    values = list(first)
    for step in steps:
        values += [values[-1] + step * n for n in range(1, 17)]
    return values


MU = decisions([0, 1] + [1 + 2 * n for n in range(1, 16)], [4, 8, 16, 32, 64, 128, 256])  # 14 bits, tables 2a and 2b
A = decisions(range(0, 33), [2, 4, 8, 16, 32, 64])  # 12 bits and a sign, tables 1a and 1b


def g711(product):
    samples = range(-32_768, 32_768)
    for law, table, shift, code in (("u", MU, 2, lambda n, negative: 0x7F - n if negative else 0xFF - n), ("a", A, 4, lambda n, negative: (n if negative else n | 0x80) ^ 0x55)):
        # Mu-law's first interval reaches to both sides of zero, whose value is 0.
        middle = [0 if law == "u" and n == 0 else (table[n] + table[n + 1] << shift) // 2 for n in range(128)]
        values = {code(n, negative): -middle[n] if negative else middle[n] for n in range(128) for negative in (False, True)}
        answer = product.ask("g711_decode", law=law, codes=bytes(range(256)))
        require(answer["pcm"] == struct.pack("<256h", *(values[c] for c in range(256))).hex(), f"G.711 law {law}: values differ from the tables")
        right = bytes(code(min(127, bisect.bisect_right(table, (~s if s < 0 else s) >> shift) - 1), s < 0) for s in samples)
        answer = product.ask("g711_encode", law=law, pcm=struct.pack("<65536h", *samples))
        require(answer["codes"] == right.hex(), f"G.711 law {law}: codes differ from the tables")
    print("g711: both laws, 256 codes and 65536 samples each as the recommendation's tables say", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", required=True, help="directory with the built programs")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    end_on_signals()
    started, source = time.monotonic(), random.Random(options.seed)
    product = Product(pathlib.Path(options.bin).resolve() / "pbxctl")
    try:
        g711(product)
        srtp(product, source)
        opus(product, source)
        print(f"vectors: {product.asked} answers compared, all the same, in {time.monotonic() - started:.1f} s (seed {options.seed})", flush=True)
        return 0
    except (Failed, OSError, KeyError, ValueError) as error:
        return fail(error)
    finally:
        product.end()


if __name__ == "__main__":
    sys.exit(main())
