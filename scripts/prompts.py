#!/usr/bin/env python3
"""usage: prompts.py [--check] OUTPUT

Speaks Resources/prompts/prompts.tsv with espeak-ng into OUTPUT/<language>/<name>.wav, 16 kHz mono, for ClipLibrary. Prompts that
are there and whose words have not changed are kept. With --check nothing is spoken: the list is compared with StandardPrompt."""
import array
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import wave

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "Resources/prompts/prompts.tsv"
NAMES = ROOT / "Sources/Core/Applications/Prompt.swift"
VOICES = (("en", "en-gb"), ("de", "de"), ("fr", "fr-fr"))
RATE = 16_000
WORDS_PER_MINUTE = 150


def prompts():
    for number, line in enumerate(LIST.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 1 + len(VOICES) or not all(fields):
            sys.exit(f"prompts: line {number} needs a name and {len(VOICES)} texts, separated by tabs")
        yield fields[0], dict(zip((language for language, _ in VOICES), fields[1:]))


def known_names():
    text = NAMES.read_text(encoding="utf-8")
    body = text[text.index("enum StandardPrompt"):]
    body = body[:body.index("init?")]
    return {raw or name for name, raw in re.findall(r"^    case (\w+)(?: = \"([\w-]+)\")?$", body, re.M)}


def resampled(samples, rate):
    """To RATE by linear interpolation: espeak-ng speaks at 22,050 Hz, and has little above 8 kHz to fold back."""
    count = len(samples) * RATE // rate
    out = array.array("h", bytes(2 * count))
    for index in range(count):
        place = index * rate
        whole, part = divmod(place, RATE)
        after = samples[min(whole + 1, len(samples) - 1)]
        out[index] = (samples[whole] * (RATE - part) + after * part) // RATE
    return out


def trimmed(samples):
    """Without the silence around it, but for 30 ms."""
    loud = [index for index in range(0, len(samples), 80) if max(map(abs, samples[index:index + 80]), default=0) > 200]
    if not loud:
        return samples
    return samples[max(0, loud[0] - RATE * 30 // 1000):loud[-1] + 80 + RATE * 30 // 1000]


def speak(text, voice, path):
    with tempfile.NamedTemporaryFile(suffix=".wav") as spoken:
        subprocess.run(["espeak-ng", "-v", voice, "-s", str(WORDS_PER_MINUTE), "-w", spoken.name, text], check=True)
        with wave.open(spoken.name) as file:
            samples = array.array("h", file.readframes(file.getnframes()))
            rate = file.getframerate()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(trimmed(resampled(samples, rate)).tobytes())


def main():
    arguments = sys.argv[1:]
    listed = list(prompts())
    names = [name for name, _ in listed]
    wrong = sorted(known_names() ^ set(names)) or sorted({name for name in names if names.count(name) > 1})
    if wrong:
        sys.exit(f"prompts: {', '.join(wrong)}: prompts.tsv and StandardPrompt do not name the same prompts, each once")
    if arguments == ["--check"]:
        return print(f"prompts: {len(names)} in {len(VOICES)} languages")
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.exit(__doc__)
    if not shutil.which("espeak-ng"):
        sys.exit("prompts: espeak-ng is needed; apt-get install espeak-ng")
    output = pathlib.Path(arguments[0])
    made = 0
    for language, voice in VOICES:
        folder = output / language
        folder.mkdir(parents=True, exist_ok=True)
        for name, texts in listed:
            path, stamp = folder / f"{name}.wav", folder / f".{name}.words"
            words = hashlib.sha256(f"{voice} {WORDS_PER_MINUTE} {texts[language]}".encode()).hexdigest()
            if path.exists() and stamp.exists() and stamp.read_text() == words:
                continue
            speak(texts[language], voice, path)
            stamp.write_text(words)
            made += 1
    print(f"prompts: {made} spoken, {len(listed) * len(VOICES) - made} kept, in {output}")


main()
