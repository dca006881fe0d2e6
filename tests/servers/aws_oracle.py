"""python aws_oracle.py
What botocore makes of cases that come on stdin as JSON, for the table of the helper's own tests: to
{"profile": "my work", "config": TEXT, "credentials": TEXT} the region and the access key id of that profile, null where
it reads none; to {"time": TEXT} the seconds since the epoch. One line of JSON with a list of answers.
"""

import json
import os
import sys
import tempfile

import botocore.configloader
import dateutil.parser
from botocore.exceptions import ConfigParseError


def profile(case):
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("config", "credentials"):
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(case.get(name, ""))
            try:
                if name == "config":
                    read = botocore.configloader.load_config(path)["profiles"]
                else:
                    read = botocore.configloader.raw_config_parse(path)
            except ConfigParseError:
                return None
            found.update(read.get(case["profile"], {}))
    return {key: found.get(key) for key in ("region", "aws_access_key_id")} if found else None


def seconds(case):
    try:
        parsed = dateutil.parser.parse(case["time"])
    except (ValueError, OverflowError):
        return None
    return int(parsed.timestamp()) if parsed.tzinfo else None


json.dump([seconds(case) if "time" in case else profile(case) for case in json.load(sys.stdin)], sys.stdout)
