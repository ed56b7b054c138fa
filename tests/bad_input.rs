//! What cannot be accepted is named, with the remedy, before anything is sent.

use crate::support::{Perf, Reply, Server, perf};

fn server() -> Server {
    Server::start(|_| Reply::of(&["a"]))
}

/// Expects a refusal that leaves no trace, on the server or on disk, of the run and of its rehearsal alike.
fn refused(server: &Server, call: Perf) {
    refused_at_work(server, call.clone());
    refused_at_work(server, call.args("--dry-run"));
}

/// The same where only the run itself can tell.
fn refused_at_work(server: &Server, call: Perf) {
    let run = call.run();
    assert!(server.seen().is_empty(), "something was sent: {}", run.stderr);
    assert!(run.left_nothing(), "something was left: {:?}", run.files());
    assert_eq!(run.stdout, "");
}

#[test]
fn flags_that_cannot_be_used_are_named_with_the_remedy() {
    let server = server();
    let cases: [(&str, &[&str]); 39] = [
        ("--paralell 2", &["--paralell", "--parallel"]),
        ("--api grpc", &["--api grpc", "known APIs: openai, local, local_vllm"]),
        ("--dataset opnqa", &["--dataset opnqa", "did you mean openqa", "evalscope perf datasets"]),
        ("--http-version 3", &["--http-version 3", "auto, 1.1, 2"]),
        ("--parallel 0", &["--parallel", "at least 1"]),
        ("--parallel 1,0", &["--parallel", "at least 1"]),
        ("--number 0", &["--number", "at least 1"]),
        ("--number -1", &["--number"]),
        ("--parallel many", &["--parallel", "many"]),
        ("--number 1,2,3 --parallel 1,2", &["--number has 3 values", "--parallel has 2", "one --number for all"]),
        ("--parallel 2,2 --number 5", &["listed twice"]),
        ("--warmup-num -3", &["--warmup-num"]),
        ("--max-tokens 9 3", &["--max-tokens 9 3"]),
        ("--temperature -1", &["--temperature"]),
        ("--temperature NaN", &["--temperature"]),
        ("--duration 0", &["--duration"]),
        ("--workers 0", &["--workers"]),
        ("--connect-timeout 0", &["--connect-timeout"]),
        ("--extra-args [1]", &["--extra-args", "JSON object"]),
        ("--query-template {", &["--query-template", "JSON object"]),
        ("--headers NoEqualsSign", &["--headers", "Name=value"]),
        ("--headers A\u{7}=b", &["--headers", "not a header name"]),
        ("--min-prompt-length 9 --max-prompt-length 3", &["--min-prompt-length 9", "--max-prompt-length 3"]),
        ("--prefix-length 5", &["--prefix-length", "--dataset random"]),
        ("--dataset line_by_line", &["--dataset line_by_line", "--dataset-path"]),
        ("--dataset custom", &["--dataset custom", "--dataset-path"]),
        ("--ca-cert a.pem --insecure", &["--ca-cert", "--insecure"]),
        ("--seed 99999999999999999999", &["--seed"]),
        ("--goodput itl:5", &["--goodput itl:5", "known metrics: ttft, tpot, e2el"]),
        ("--goodput ttft:0", &["--goodput ttft:0", "positive"]),
        ("--goodput ttft=5", &["--goodput ttft=5", "ttft:200 tpot:50 e2el:5000"]),
        ("--until ttft±3%", &["--until", "a statistic and a metric"]),
        ("--sla-auto-tune --sla-params {", &["--sla-params"]),
        ("--sla-auto-tune --sla-params [{\"p99_hope\":\"<=1\"}]", &["--sla-params", "p99_hope"]),
        ("--arrival trace", &["--arrival trace"]),
        ("--arrival trace --open-loop", &["--arrival-file"]),
        ("--arrival trace --arrival-file t.txt", &["--open-loop"]),
        ("--trace-speed 2", &["--trace-speed", "--arrival trace"]),
        ("--compat vllm --dataset random --seed 4294967296", &["--compat vllm", "--workload-seed"]),
    ];
    for (args, words) in cases {
        let call = words.iter().fold(perf().checking(&server).args(args).exit(2), |call, words| call.says(*words));
        refused(&server, call);
    }
}

#[test]
fn addresses_of_metrics_that_cannot_be_used_are_named() {
    let server = server();
    for (given, words) in [
        ("metrics", "http://"),
        ("ftp://host/metrics", "http://"),
        ("http://user:sk-in-url@host/metrics", "user or password"),
        ("http://[", "not an address"),
    ] {
        let call = perf().watching(&server).args("--number 1 --metrics-url").arg(given);
        refused(&server, call.exit(2).says("--metrics-url").says(words).hides("sk-in-url"));
    }
}

#[test]
fn files_of_instants_are_read_before_the_run() {
    let server = server();
    let call = |contents: &str| {
        let call = perf().checking(&server).file("t.txt", contents);
        call.args("--open-loop --arrival trace --arrival-file t.txt")
    };
    for pace in ["", "--rate 5"] {
        let call = |contents: &str| call(contents).args(pace);
        refused(&server, call("").exit(2).says("--arrival-file t.txt: has no instants").says("hint:"));
        refused(&server, call("1\nsoon\n").exit(2).says("t.txt: line 2: \"soon\" is no instant"));
        refused(&server, call("2\n1\n").exit(2).says("line 2: is earlier"));
        let gone = perf().checking(&server).args("--open-loop --arrival trace --arrival-file gone.txt").args(pace);
        refused(&server, gone.exit(4).says("--arrival-file gone.txt"));
    }
}

#[test]
fn an_embedded_model_that_is_not_there_is_named() {
    for dry in ["", "--dry-run"] {
        let run = perf().args("--model llama").args(dry).exit(2).says("--model llama").says("random:tiny").run();
        assert!(run.left_nothing(), "{:?}", run.files());
    }
}

#[test]
fn a_seed_beyond_what_toml_holds_is_named() {
    let server = server();
    refused(&server, perf().checking(&server).args("--seed 18446744073709551615").exit(2).says("--seed"));
}

#[test]
fn addresses_that_cannot_be_used_are_named() {
    for (url, words) in [
        ("127.0.0.1:8000/v1", "http://"),
        ("ftp://host/v1", "http://"),
        ("http://user:sk-in-url@host/v1", "--api-key"),
        ("http://host/v1/embeddings", "/chat/completions"),
    ] {
        perf().arg("--url").arg(url).args("--model m").exit(2).says("--url").says(words).run();
    }
    perf().args("--url http://127.0.0.1:1/v1").exit(2).says("--model is required").says("/v1/models").run();
}

#[test]
fn a_password_in_an_address_is_not_repeated() {
    perf().args("--url http://user:sk-in-url@host/v1 --model m").exit(2).hides("sk-in-url").run();
}

#[test]
fn prefixes_of_flags_work_where_they_are_unambiguous() {
    let tokenizer = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/tokenizer/tokenizer.json");
    let call = || perf().file("t.json", std::fs::read(&tokenizer).unwrap());
    let plan = call().args("--dry-run --out here --tokenizer t.json --para 3 --num 5 --seed 1").exit(2).run();
    assert!(plan.stderr.contains("--num"), "--number and --num-workers begin alike: {}", plan.stderr);
    let plan = call().args("--dry-run --output there --tokenizer t.json --para 3 --numb 5").run().stdout;
    for line in ["outputs-dir = \"there\"", "tokenizer-path = \"t.json\"", "parallel = [3]", "number = [5]"] {
        assert!(plan.contains(line), "{line} is not in {plan}");
    }
    perf().args("--dry-run --out here").prints("outputs-dir = \"here\"").run();
    for ambiguous in ["--max 5", "--min 5", "--dataset- x", "--no 1"] {
        let server = server();
        refused(&server, perf().checking(&server).args(ambiguous).exit(2).says(ambiguous.split(' ').next().unwrap()));
    }
}

#[test]
fn profiles_are_found_or_the_known_ones_listed() {
    let server = server();
    let call = || perf().checking(&server);
    refused(
        &server,
        call().args("--profile rush").exit(2).says("rush").says("burst, chat, code, rag, speed, sweep, vllm-bench"),
    );
    refused(&server, call().args("--profile gone.toml").exit(4).says("gone.toml").says("cannot be read"));
    let profile = |text: &str| call().file("mine.toml", text).args("--profile mine.toml");
    for (text, words) in [
        ("paralel = 3", &["mine.toml", "paralel", "parallel"] as &[&str]),
        ("parallel = ", &["mine.toml", "not TOML"]),
        ("parallel = 'four'", &["mine.toml", "parallel"]),
        ("api-key = 'sk-in-profile'", &["mine.toml", "api-key", "OPENAI_API_KEY"]),
    ] {
        let call = profile(text).exit(2).hides("sk-in-profile");
        refused(&server, words.iter().fold(call, |call, words| call.says(*words)));
    }
    let run = profile("parallel = [1, 2]\nnumber = 3\nmax-tokens = 5").args("--parallel 1").run();
    assert_eq!(run.only_point().count("ok"), 3);
    assert_eq!(server.asked()[0].json()["max_tokens"], 5, "what no flag sets is the profile's");
}

#[test]
fn every_built_in_profile_resolves() {
    for name in evalscope::plan::profile_names() {
        perf().args("--dry-run --profile").arg(name).prints("parallel = ").run();
    }
}

#[test]
fn a_bad_row_is_named_by_file_line_and_place() {
    let server = server();
    let data = |dataset: &str, name: &str, contents: &[u8]| {
        perf()
            .checking(&server)
            .file(name, contents)
            .args("--number 5 --dataset")
            .arg(dataset)
            .args("--dataset-path")
            .arg(name)
    };
    let question = br#"{"question": "why?"}"#;
    for (dataset, contents, words) in [
        ("openqa", &[question, &b"\n{\"question\": \n"[..]].concat()[..], "prompts.jsonl: line 2"),
        ("openqa", b"{\"answer\": 1}\n", "prompts.jsonl: line 1"),
        ("openqa", b"not json\n", "prompts.jsonl: line 1"),
        ("line_by_line", b"good\n[{\"role\": \"user\"}]\n", "prompts.jsonl: line 2: messages[0].content"),
        ("line_by_line", b"good\nbad \xFF\n", "prompts.jsonl: line 2: byte 5"),
        ("line_by_line", b"", "dataset is empty"),
        ("line_by_line", b"\n \n", "dataset is empty"),
    ] {
        refused(&server, data(dataset, "prompts.jsonl", contents).exit(2).says(words));
    }
    let short = data("line_by_line", "prompts.jsonl", b"a\nbb\n").args("--min-prompt-length 10");
    refused(&server, short.exit(2).says("2 too short").says("--min-prompt-length"));
}

#[test]
fn files_that_cannot_be_read_or_written_end_with_4() {
    let server = server();
    let call = || perf().checking(&server).args("--number 1");
    refused(
        &server,
        call().args("--dataset line_by_line --dataset-path gone.txt").exit(4).says("gone.txt").says("hint:"),
    );
    refused(&server, call().args("--tokenizer-path gone.json").exit(4).says("--tokenizer-path gone.json"));
    refused(&server, call().args("--prompt @gone.txt").exit(4).says("--prompt @gone.txt"));
    refused(&server, call().args("--query-template @gone.json").exit(4).says("--query-template @gone.json"));
    let torn = call().file("tokenizer.json", "{}").args("--tokenizer-path tokenizer.json");
    refused(&server, torn.exit(4).says("tokenizer.json").says("not a tokenizer.json"));
    let untrusted = perf().args("--url https://127.0.0.1:1/v1 --model m --ca-cert gone.pem");
    refused(&server, untrusted.exit(4).says("--ca-cert gone.pem"));
    let taken = call().file("taken", "").args("--outputs-dir taken");
    refused_at_work(&server, taken.exit(4).says("taken").says("--outputs-dir"));
}

#[test]
fn results_are_never_overwritten() {
    let server = server();
    let first = perf().against(&server).args("--number 2 --no-timestamp").run();
    let rows = first.only_point().rows();
    let sent = server.seen().len();
    perf()
        .inside(&first)
        .against(&server)
        .args("--number 2 --no-timestamp")
        .exit(4)
        .says("parallel_1_number_2")
        .says("holds results already")
        .says("--name")
        .run();
    assert_eq!(server.seen().len(), sent, "nothing was sent");
    assert_eq!(first.only_point().rows(), rows);
}

#[test]
fn a_report_wants_the_folder_of_a_run() {
    perf().args("report gone").exit(4).says("gone").says("plan.toml").run();
    perf().args("report").exit(2).says("DIR").run();
}
