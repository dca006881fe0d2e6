use std::sync::Mutex;

use log::{LevelFilter, Log, Metadata, Record, STATIC_MAX_LEVEL};

use super::server::{Reply, Server};
use super::{Fixture, authorized_user, service_account};

static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl Log for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        HEARD.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

/// yup-oauth2 logs every request and every answer in full.
#[test]
fn who_listens_to_the_log_hears_nothing() {
    log::set_logger(&Listener).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let server = Server::start(vec![Reply::token("CANARY-one"), Reply::token("CANARY-two")]);
    for file in [service_account(&server), authorized_user(&server)] {
        Fixture::with(&file).token();
    }
    assert_eq!(*HEARD.lock().unwrap(), Vec::<String>::new());
    // The log calls are compiled out.
    assert_eq!(STATIC_MAX_LEVEL, LevelFilter::Off);
}
