//! Tests of the reader, beside it because they are long.

use std::io::{BufReader, Read};

use super::*;

const GOLDEN: &str = include_str!("../../tests/protocol/v1.jsonl");

fn read(text: &[u8]) -> (Vec<Event>, Skipped) {
    let mut reader = Reader::new(text);
    let mut events = Vec::new();
    while let Some(event) = reader.next_event().unwrap() {
        events.push(event);
    }
    (events, reader.skipped)
}

#[test]
fn every_golden_line_is_read_and_written_back_unchanged() {
    let (events, skipped) = read(GOLDEN.as_bytes());
    assert_eq!(skipped, Skipped::default());
    let lines: Vec<Value> = GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), lines.len());
    for (event, line) in events.iter().zip(&lines) {
        assert_eq!(&serde_json::to_value(event).unwrap(), line);
    }
    for kind in TYPES {
        assert!(lines.iter().any(|line| line["type"] == kind), "the golden file has no {kind}");
    }
}

#[test]
fn junk_and_unknown_types_are_counted_and_the_rest_is_read() {
    let beat = r#"{"type":"heartbeat","seq":1,"time":0.5,"memory":7}"#;
    let text = format!(
        "Downloading weights\n{beat}\n\n{{\"type\":\"future\",\"seq\":2,\"time\":1}}\n[1,2]\n\
         {{\"type\":\"progress\"}}\n{{\"type\":12}}\n\u{fffd}\n{beat}"
    );
    let (events, skipped) = read(text.as_bytes());
    assert_eq!(events.len(), 2, "the last line needs no end");
    assert_eq!(skipped, Skipped { junk: 5, too_long: 0, unknown: 1 });
}

#[test]
fn a_long_line_is_passed_over_without_being_held() {
    let beat = b"\n{\"type\":\"heartbeat\",\"seq\":1,\"time\":0.5,\"memory\":null}\n";
    let long = std::io::repeat(b'x').take(10 << 20).chain(&beat[..]);
    let mut reader = Reader::new(BufReader::new(long));
    assert!(reader.next_event().unwrap().is_some());
    assert!(reader.line.capacity() <= 2 * MAX_LINE, "{} bytes are held", reader.line.capacity());
    assert_eq!(reader.skipped.too_long, 1);
    // The limit is exact.
    for (length, expected) in [(MAX_LINE, 0), (MAX_LINE + 1, 1)] {
        let (_, skipped) = read(&vec![b'x'; length]);
        assert_eq!(skipped.too_long, expected, "{length}");
    }
}

#[test]
fn another_version_is_refused() {
    let hello = br#"{"type":"hello","seq":0,"time":0,"v":2,"something":"new"}"#;
    let refused = Reader::new(&hello[..]).next_event().unwrap_err();
    assert!(matches!(refused, ProtocolError::Version { found: 2 }), "{refused}");
}

#[test]
fn commands_are_one_object_each() {
    assert_eq!(serde_json::to_string(&Command::Stop).unwrap(), r#"{"type":"stop"}"#);
    assert_eq!(serde_json::to_string(&Command::Pause).unwrap(), r#"{"type":"pause"}"#);
}
