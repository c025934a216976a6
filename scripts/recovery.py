#!/usr/bin/env python3
"""A backup proves itself, and paper is enough to open it.

A backup is green only after a drill with the owner's password; a wrong password proves nothing. The plan's next backup is
counted from its switch-on. The recovery sheet's lines are typed in again, byte for byte the key that lies at the server; with the
appliance's own key deleted for good, that paper and the password restore the backup, and nothing else does."""
import base64
import sys

from demo import Demo, SERIAL
from harness import end_on_signals, http, played, require, story_parser

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U"


class Recovery(Demo):
    def state(self):
        return next(b for b in self.ctl("backup", "list") if b["id"] == self.backup_id)

    def prove(self):
        require(self.state()["state"] == "uploaded", f"a backup nobody has proved is {self.state()}")
        wrong = self.directory / "wrong-password"
        wrong.write_text("not the password")
        refused = self.ctl("backup", "prove", "--password-file", wrong, check=False, json_output=False, timeout=120)
        require(refused.returncode != 0 and self.state()["state"] == "uploaded", "a wrong password proved a backup")
        self.ctl("backup", "prove", "--password-file", self.password_file, timeout=120)
        require(self.state()["state"] == "proved" and self.state()["drilledAt"], f"after the drill it is {self.state()}")
        left = [str(p) for p in self.data.rglob("*scratch*")]
        require(not left, f"the drill left {left}")
        self.step("drill", "uploaded is not green; a wrong password proves nothing; fetched, decrypted, restored into a scratch copy, self-test: green")

    def plan(self):
        plan = self.ctl("backup", "plan", "--every-hours", "24", "--parts", "configuration,call-history", "--reminder-days", "30")
        require(plan["since"][10:] == plan["next"][10:] and plan["since"][:10] < plan["next"][:10], f"the schedule's phase: {plan}")
        require(plan["parts"] == ["configuration", "call-history"] and plan["reminderDays"] == 30, f"the plan is {plan}")
        refused = self.ctl("backup", "plan", "--parts", "call-history", check=False, json_output=False)
        require(refused.returncode != 0, "a backup without its configuration was taken")
        self.backup_id = self.ctl("backup", "now", timeout=120)["id"]
        self.step("plan", f"every 24 h from {plan['since']}, next {plan['next']}; call history is in the next backup because the owner said so")

    def sheet(self):
        text = self.ctl("backup", "sheet", "--language", "de", json_output=False)
        lines = [line.split() for line in text.splitlines() if line[:2].strip().isdigit() and len(line.split()) > 2]
        symbols = []
        for number, line in enumerate(lines):
            values = [DIGITS.index(c) for c in "".join(line[1:])]
            check = (number + 1 + sum((place % 36 + 1) * value for place, value in enumerate(values[:-1]))) % 37
            require(check == values[-1], f"line {number + 1} of the sheet has a false check character")
            symbols += values[:-1]
        bits = "".join(f"{value:05b}" for value in symbols)
        self.identity = bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits) - 7, 8))
        at_server = next((self.directory / "cloud" / "backups" / SERIAL).glob("*.key")).read_bytes()
        require(self.identity == at_server, "the typed lines are not the key at the server")
        require("█" in text and "correct horse" not in text, "the sheet lacks its code, or holds the password")
        self.step("recovery sheet", f"{len(lines)} lines typed in again are the {len(self.identity)} bytes of the encrypted key; the password is not on it")

    def paper(self):
        status, _, content = http("GET", self.api(f"/{SERIAL}/backups/{self.backup_id}/content"))
        require(status == 200, f"the backup cannot be fetched: {status}")
        self.ctl("backup", "delete-password")
        left = [str(p) for p in self.data.rglob("*") if p.is_file() and self.identity in p.read_bytes()]
        require(not left, f"the deleted key is in {left}")
        file = self.directory / "BACKUP.age"
        file.write_bytes(content)
        without = self.ctl("restore", file, "--password-file", self.password_file, check=False, json_output=False, timeout=120)
        require(without.returncode != 0, "a backup was opened without its key")
        armour = base64.b64encode(self.identity).decode()
        body = "\n".join(armour[i:i + 64] for i in range(0, len(armour), 64))
        (self.directory / "BACKUP.age.key").write_text(f"-----BEGIN AGE ENCRYPTED FILE-----\n{body}\n-----END AGE ENCRYPTED FILE-----\n")
        self.ctl("restore", file, "--password-file", self.password_file, json_output=False, timeout=120)
        self.sip = self.pbx.wait_for("ready")["listeners"]
        require(self.ctl("status")["users"] == 2, "the restored appliance serves other users")
        self.step("paper", "own key gone from every byte; the file alone opens nothing; file, sheet and password restore the appliance")

    def story(self):
        for chapter in (self.factory, self.cloud, self.appliance, self.pairing, self.backup, self.prove, self.plan, self.sheet, self.paper,
                        self.stop):
            chapter()


def main():
    options = story_parser(__doc__).parse_args()
    end_on_signals()
    return played("recovery", Recovery(options.bin, keep=options.keep))


if __name__ == "__main__":
    sys.exit(main())
