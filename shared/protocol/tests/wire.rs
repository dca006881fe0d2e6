//! The codec under whatever comes: what is written is read back, and nothing that could be taken for another line, or
//! for the end of one, gets through in either direction.

use claude_credential_protocol::{Auth, Capabilities, Credential, MAX_LINE, MAX_MESSAGE, Message, Problem, Request};
use proptest::prelude::*;

/// Keys of the wire's form.
fn key() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_.]{0,12}(\\[\\])?"
}

/// Values that can stand on a line: whatever is no NUL, LF or CR.
fn value() -> impl Strategy<Value = String> {
    any::<String>().prop_map(|text| text.replace(['\0', '\n', '\r'], "·"))
}

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((key(), value()), 0..12)
}

/// Bytes that look like messages often enough to get deep into the reader.
fn almost_a_message() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => (key(), value()).prop_map(|(key, value)| format!("{key}={value}\n").into_bytes()),
        1 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\0".to_vec()),
        1 => Just(b"=".to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn message(fields: &[(String, String)]) -> Message {
    let mut message = Message::default();
    for (key, value) in fields {
        message.push(key, value).expect("a field of the wire's form");
    }
    message
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(fields in fields()) {
        let bytes = message(&fields).to_bytes();
        let read = Message::parse(&bytes).expect("our own message");
        prop_assert!(read.ended());
        prop_assert_eq!(&*read.to_bytes(), &*bytes);
        for (key, _) in &fields {
            let last = fields.iter().rev().find(|(other, _)| other == key).map(|(_, value)| value.as_str());
            prop_assert_eq!(read.get(key), last);
        }
    }

    #[test]
    fn a_stream_gives_what_its_bytes_give(bytes in almost_a_message()) {
        let streamed = Message::read(&mut &bytes[..]).expect("a slice can be read");
        let parsed = Message::parse(&bytes);
        prop_assert_eq!(streamed.is_ok(), parsed.is_ok());
        if let (Ok(streamed), Ok(parsed)) = (streamed, parsed) {
            prop_assert_eq!(&*streamed.to_bytes(), &*parsed.to_bytes());
        }
    }

    #[test]
    fn whatever_is_accepted_has_no_nul_and_no_line_end_in_it(bytes in almost_a_message()) {
        let Ok(message) = Message::parse(&bytes) else { return Ok(()) };
        let written = message.to_bytes();
        prop_assert!(!written.contains(&0) && !written.contains(&b'\r'));
        let again = Message::parse(&written).expect("what was accepted is well formed");
        prop_assert_eq!(&*again.to_bytes(), &*written);
    }

    #[test]
    fn nothing_makes_the_readers_panic(bytes in almost_a_message()) {
        if let Ok(message) = Message::parse(&bytes) {
            let _ = Credential::from_message(&message);
            if let Ok(request) = Request::from_message(&message) {
                prop_assert!(!request.host.is_empty() && !request.protocol.is_empty());
                let _ = request.contradicted_by(&message);
                prop_assert!(request.to_message().is_ok());
            }
        }
    }

    #[test]
    fn a_nul_or_a_carriage_return_voids_the_message(
        fields in fields(), at in any::<prop::sample::Index>(), bad in prop_oneof![Just('\0'), Just('\r')], tail in "[a-z]{1,4}",
    ) {
        prop_assume!(!fields.is_empty());
        let line = at.index(fields.len());
        let text = |(index, (key, value)): (usize, &(String, String))| {
            if index == line { format!("{key}={value}{bad}{tail}\n") } else { format!("{key}={value}\n") }
        };
        let text: String = fields.iter().enumerate().map(text).collect();
        let problem = Message::parse(text.as_bytes()).expect_err("a bad byte");
        prop_assert_eq!(problem, Problem::Value.at(line + 1));
        let value = format!("a{bad}{tail}");
        prop_assert!(message(&[]).push("key", &value).is_err());
    }

    #[test]
    fn a_line_end_may_have_a_carriage_return(fields in fields()) {
        let bytes = message(&fields).to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text").replace('\n', "\r\n");
        prop_assert_eq!(&*Message::parse(text.as_bytes()).expect("the same message").to_bytes(), &*bytes);
    }

    #[test]
    fn what_follows_the_empty_line_is_not_looked_at(fields in fields(), rest in prop::collection::vec(any::<u8>(), 0..60)) {
        let own = message(&fields).to_bytes();
        let bytes = [own.as_slice(), &rest].concat();
        prop_assert_eq!(&*Message::parse(&bytes).expect("the same message").to_bytes(), &*own);
    }

    #[test]
    fn a_problem_never_shows_the_line(secret in "sk-ant-[a-z]{20}") {
        for text in [secret.clone(), format!("{secret}=x"), format!("key={secret}\0"), format!("key={secret}\rx")] {
            let problem = Message::parse(text.as_bytes()).expect_err("it is malformed");
            let said = format!("{problem} {problem:?}");
            prop_assert!(!said.contains(&secret));
        }
    }
}

#[test]
fn a_line_has_65535_bytes_at_most() {
    for (bytes, fits) in [(MAX_LINE - 1, true), (MAX_LINE, true), (MAX_LINE + 1, false)] {
        let value = "x".repeat(bytes - "key=\n".len());
        let read = Message::parse(format!("key={value}\n\n").as_bytes());
        assert_eq!(read.is_ok(), fits, "{bytes}");
        assert_eq!(Message::default().push("key", &value).is_ok(), fits, "{bytes}");
        if let Err(problem) = read {
            assert_eq!(problem, Problem::LineTooLong.at(1));
        }
    }
}

#[test]
fn a_message_has_a_mebibyte_at_most() {
    let line = format!("key={}\n", "x".repeat(1019));
    assert_eq!(line.len(), 1024);
    let fits = line.repeat(1023) + "key=\n\n";
    assert!(fits.len() < MAX_MESSAGE && Message::parse(fits.as_bytes()).is_ok());
    let beyond = line.repeat(1025) + "\n";
    let problem = Message::parse(beyond.as_bytes()).expect_err("too long");
    assert_eq!(problem, Problem::MessageTooLong.at(1025));
}

#[test]
fn an_endless_stream_is_refused_and_not_read_to_its_end() {
    let mut endless = std::io::repeat(b'x');
    let problem = Message::read(&mut endless).expect("a stream").expect_err("too long");
    assert_eq!(problem.line, 1);
}

#[test]
fn an_empty_element_empties_its_list() {
    let message = Message::parse(b"state[]=a\nstate[]=b\nstate[]=\nstate[]=c\n\n").expect("a message");
    assert_eq!(message.list("state[]"), ["c"]);
}

#[test]
fn what_a_token_for_vertex_needs_beside_it_crosses_the_wire() {
    let told = Credential {
        project: Some("p".to_owned()),
        quota_project: Some("q".to_owned()),
        region: Some("us-east5".to_owned()),
        ..Credential::new(Auth::Bearer("t".into()))
    };
    let mut request = Request::new("https", "us-east5-aiplatform.googleapis.com");
    assert_eq!(Credential::from_message(&told.answer(&request).unwrap()), Ok(Some(told.clone())));
    // git knows none of it.
    request.capabilities = Capabilities::default();
    let bare = told.answer(&request).unwrap();
    assert_eq!(bare.get("password"), Some("t"));
    assert!(["claude.project", "claude.quota_project", "claude.region"].iter().all(|key| bare.get(key).is_none()));
}
