//! What the Messages API answers.

use serde_json::{Value, json};

use crate::oauth::{ReceivedRequest, Reply};

/// A streamed message that says that all is done.
pub(super) fn text() -> Reply {
    let delta = json!({"type": "text_delta", "text": "done"});
    stream(&json!({"type": "text", "text": ""}), &delta, "end_turn")
}

/// A streamed message that wants a command to be run in the client's shell tool.
pub(super) fn command(command: &str) -> Reply {
    let block = json!({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}});
    let input = json!({"command": command, "description": "a command of the test"});
    stream(&block, &json!({"type": "input_json_delta", "partial_json": input.to_string()}), "tool_use")
}

/// A failure as the API reports it.
pub(super) fn error(status: u16, kind: &str) -> Reply {
    Reply::json(status, &json!({"type": "error", "error": {"type": kind, "message": "the stand-in says so"}}))
}

/// Whether a request offers the shell tool.
pub(super) fn offers_shell(request: &ReceivedRequest) -> bool {
    let is_shell = |tool: &Value| tool["name"] == "Bash";
    request.json().is_some_and(|body| body["tools"].as_array().is_some_and(|tools| tools.iter().any(is_shell)))
}

fn stream(block: &Value, delta: &Value, stop_reason: &str) -> Reply {
    let message = json!({
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "made-up",
        "content": [],
        "stop_reason": null,
        "stop_sequence": null,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    });
    let end = json!({"stop_reason": stop_reason, "stop_sequence": null});
    let events = [
        json!({"type": "message_start", "message": message}),
        json!({"type": "content_block_start", "index": 0, "content_block": block}),
        json!({"type": "content_block_delta", "index": 0, "delta": delta}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": end, "usage": {"output_tokens": 1}}),
        json!({"type": "message_stop"}),
    ];
    let event = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    let headers = vec![("Content-Type".to_owned(), "text/event-stream".to_owned())];
    Reply::Answer { status: 200, headers, body: events.iter().map(event).collect::<String>().into_bytes() }
}
