use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use claude_credential_tests::script::{Does, Script};
use serde_json::json;

use super::{doctor, healthy};

const TTL: &str = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS";

#[test]
fn a_ttl_with_which_refusals_are_missed_is_doubtful_and_one_that_is_none_is_wrong() {
    let mut sandbox = healthy();
    let mend = format!("run: unset {TTL}");
    for value in ["5m", "-1", "1.5", "99999999999999999999"] {
        sandbox.set(TTL, value);
        doctor(&sandbox).is_wrong("ttl", "is not a number of milliseconds", &mend);
    }
    sandbox.set(TTL, "0");
    doctor(&sandbox).is_doubtful("ttl", "the helper runs for every request", &mend);
    sandbox.set(TTL, "59999");
    doctor(&sandbox).is_doubtful("ttl", "is under 60000", &mend);
    sandbox.set(TTL, "60000");
    doctor(&sandbox).is_good(&["ttl"]);
    let helper = format!("{} api-key-helper", sandbox.bin("claude-credential").display());
    let settings = sandbox.settings(&json!({ "apiKeyHelper": helper, "env": { TTL: "1000" } }));
    doctor(&sandbox).is_doubtful("ttl", "is under 60000", &format!("in {} set", settings.display()));
}

#[test]
fn a_source_that_can_t_give_the_clients_time_and_a_minute_is_doubtful() {
    for (life, mend) in
        [(3600, None), (200, Some("run: export CLAUDE_CODE_API_KEY_HELPER_TTL_MS=")), (90, Some("issuer"))]
    {
        let sandbox = healthy();
        let fake = sandbox.fake("acme", &Script::new(Does::answers_until(sandbox.secret("key"), life)));
        sandbox.chain(&[&fake]);
        doctor(&sandbox).is_good(&["lives"]);
        assert_eq!(sandbox.print().run().key(), "key");
        let report = doctor(&sandbox);
        match mend {
            Some(mend) => report.is_doubtful("lives", "entry acme gives credentials that live", mend),
            None => report.is_good(&["lives"]),
        }
    }
}

#[test]
fn a_file_from_the_future_is_doubtful() {
    let sandbox = healthy();
    for folder in [sandbox.runtime(), sandbox.home().join(".local/share/claude-credential")] {
        doctor(&sandbox).is_good(&["clock"]);
        let path = sandbox.write(folder.join("generation"), "");
        let file = File::options().write(true).open(&path).expect("a file");
        file.set_modified(SystemTime::now() + Duration::from_hours(1)).expect("a time");
        doctor(&sandbox).is_doubtful("clock", "was written in the future", "set the clock");
        fs::remove_file(path).expect("it is there");
    }
}
