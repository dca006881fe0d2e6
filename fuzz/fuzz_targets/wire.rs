//! `cargo +nightly fuzz run wire`: whatever bytes come, the codec neither panics nor lets a line end or a NUL through,
//! and what it accepts means the same after it was written again.
#![no_main]

use claude_credential_protocol::{Credential, Message, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse(bytes) else { return };
    let written = message.to_bytes();
    assert!(!written.contains(&0) && !written.contains(&b'\r'));
    let again = Message::parse(&written).expect("what was accepted is well formed");
    assert_eq!(*again.to_bytes(), *written);

    let Ok(request) = Request::from_message(&message) else { return };
    assert!(!request.host.is_empty() && !request.protocol.is_empty());
    if let Ok(Some(credential)) = Credential::from_message(&message) {
        // What was read can be told on, or is refused; it never breaks the message.
        if let Ok(answer) = credential.answer(&request) {
            assert!(Message::parse(&answer.to_bytes()).is_ok());
        }
    }
});
