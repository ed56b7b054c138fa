//! A target that does not do its part ends the command with 3 and says what to look at.

use serde_json::json;

use crate::support::{Perf, Reply, Run, Server, closed_port, perf};

fn refused(call: Perf) -> Run {
    let run = call.args("--number 5").exit(3).says("error:").says("hint:").run();
    assert!(run.left_nothing(), "{:?}", run.files());
    run
}

#[test]
fn nobody_listens() {
    let (_held, port) = closed_port();
    let url = format!("http://127.0.0.1:{port}/v1/chat/completions");
    refused(
        perf()
            .arg("--url")
            .arg(url)
            .args("--model m")
            .says("cannot connect")
            .says(format!("127.0.0.1:{port}"))
            .says("--url"),
    );
}

#[test]
fn a_name_that_does_not_resolve() {
    refused(perf().args("--url http://no-such-host.invalid/v1 --model m").says("no-such-host.invalid").says("--url"));
}

#[test]
fn a_key_is_wanted() {
    let server = Server::start(|_| Reply::error(401, "You must provide a key"));
    refused(perf().checking(&server).says("401").says("You must provide a key").says("no key was sent"));
    let sent = || perf().checking(&server).says("a key was sent and refused").says("OPENAI_API_KEY").hides("sk-wrong");
    refused(sent().env("OPENAI_API_KEY", "sk-wrong"));
    refused(sent().args("--api-key sk-wrong"));
}

#[test]
fn a_key_that_may_not() {
    let server = Server::start(|_| Reply::error(403, "not yours"));
    refused(perf().checking(&server).args("--api-key sk-x").says("403").says("not yours").says("refused"));
}

#[test]
fn a_path_that_is_not_there() {
    let server = Server::start(|_| Reply::whole(404, "text/html", "<html>Not Found</html>"));
    refused(perf().checking(&server).says("404").says("web page").says("/v1/chat/completions"));
}

#[test]
fn a_model_that_is_not_served() {
    let server = Server::start(|seen| match seen.path.as_str() {
        "/v1/models" => Reply::json(200, &json!({"data": [{"id": "alpha"}, {"id": "beta"}]})),
        _ => Reply::error(404, "The model `test-model` does not exist."),
    });
    refused(perf().checking(&server).says("does not exist").says("--model test-model").says("alpha, beta"));
    assert!(server.seen().iter().any(|seen| seen.method == "GET"));
}

#[test]
fn a_body_that_is_not_liked() {
    let server = Server::start(|_| Reply::error(400, "max_tokens is too large"));
    refused(perf().checking(&server).says("400").says("max_tokens is too large").says("--extra-args"));
}

#[test]
fn a_server_that_is_tired() {
    let server = Server::start(|_| Reply::error(429, "slow down"));
    refused(perf().checking(&server).says("429").says("rate"));
    let server = Server::start(|_| Reply::error(500, "boom"));
    refused(perf().checking(&server).says("500").says("boom").says("log"));
}

#[test]
fn something_that_is_no_model() {
    let page = Server::start(|_| Reply::whole(200, "text/html", "<html>Welcome</html>"));
    refused(perf().checking(&page).says("web page").says("--url"));
    let other = Server::start(|_| Reply::json(200, &json!({"status": "fine"})));
    refused(perf().checking(&other).says("no choices").says("--url"));
    let text = Server::start(|_| Reply::raw("220 mail.example ESMTP\r\n"));
    refused(perf().checking(&text).says("HTTP"));
}

#[test]
fn a_server_that_keeps_silent() {
    let server = Server::start(|_| Reply::never());
    refused(perf().checking(&server).args("--read-timeout 0.2").says("nothing arrived").says("--read-timeout"));
    let server = Server::start(|_| Reply::hang_up());
    refused(perf().checking(&server).says("connection"));
}

#[test]
fn words_of_a_server_cannot_paint_the_terminal() {
    let server = Server::start(|_| Reply::error(500, "\u{1b}[2J\u{1b}]0;owned\u{7} sorry"));
    let run = refused(perf().checking(&server).says("sorry"));
    assert!(!run.stderr.contains('\u{1b}') && !run.stderr.contains('\u{7}'), "{:?}", run.stderr);
}
