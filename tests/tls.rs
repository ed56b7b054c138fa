//! Whom the program trusts.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use rcgen::{BasicConstraints, IsCa};

use crate::support::{Reply, Server, perf};

fn server() -> Server {
    Server::start_tls(|_| Reply::of(&["a", "b"]))
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_refused() {
    let server = server();
    let run = perf()
        .checking(&server)
        .args("--number 1")
        .exit(3)
        .says("TLS handshake failed")
        .says("certificate")
        .says("hint:")
        .says("--ca-cert")
        .run();
    assert!(server.seen().is_empty(), "nothing is said to somebody unknown");
    assert!(run.left_nothing());
}

#[test]
fn a_root_of_ones_own_is_trusted() {
    let server = server();
    let run = perf()
        .checking(&server)
        .file("root.pem", server.certificate.as_ref().unwrap())
        .args("--ca-cert root.pem --number 4 --parallel 2")
        .run();
    assert_eq!(run.only_point().count("ok"), 4);
    assert_eq!(run.summary()["setting"]["tls"], "verified");
    assert!(run.only_point().rows().iter().any(|row| row["connect_ns"].is_u64()));
}

#[test]
fn a_certificate_that_is_its_own_authority_is_trusted_when_given_and_only_for_its_name() {
    let start = |name| Server::start_tls_as(name, IsCa::Ca(BasicConstraints::Unconstrained), |_| Reply::of(&["a"]));
    let (server, misnamed) = (start("127.0.0.1"), start("example.com"));
    let given = |server: &Server| {
        let root = server.certificate.clone().unwrap();
        perf().checking(server).file("root.pem", &root).args("--ca-cert root.pem --number 1")
    };
    assert_eq!(given(&server).run().only_point().count("ok"), 1);
    given(&misnamed).exit(3).says("not valid for name").run();
    perf().checking(&server).args("--number 1").exit(3).says("TLS handshake failed").run();
}

#[test]
fn another_root_is_not() {
    let (server, other) = (server(), server());
    perf()
        .checking(&server)
        .file("root.pem", other.certificate.as_ref().unwrap())
        .args("--ca-cert root.pem --number 1")
        .exit(3)
        .says("TLS handshake failed")
        .run();
}

#[test]
fn trusting_anyone_works_and_is_never_kept_quiet() {
    let server = server();
    let run = perf().checking(&server).args("--insecure --number 2").prints("not verified").run();
    assert_eq!(run.summary()["setting"]["tls"], "not verified");
    let page = std::fs::read_to_string(run.dir().join("perf_report.html")).unwrap();
    assert!(page.contains("not verified"));
}

#[test]
fn a_bad_file_of_roots_is_named() {
    let server = server();
    for (name, contents) in [("empty.pem", ""), ("text.pem", "no certificate")] {
        perf()
            .checking(&server)
            .file(name, contents)
            .args("--number 1 --ca-cert")
            .arg(name)
            .exit(4)
            .says(name)
            .says("CERTIFICATE")
            .run();
    }
    perf().checking(&server).args("--number 1 --ca-cert missing.pem").exit(4).says("missing.pem").run();
    assert!(server.seen().is_empty());
}

#[test]
fn tls_spoken_to_a_plain_server_fails_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || {
        // Plain servers answer the first line they cannot make sense of.
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 512]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").unwrap();
    });
    perf()
        .arg("--url")
        .arg(url)
        .args("--model m --number 1")
        .exit(3)
        .says("TLS handshake failed")
        .says("speaks TLS")
        .run();
}
